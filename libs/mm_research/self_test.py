"""The decision self-test: a synthetic market through frames, feed and nodes, to the digests of its log.

Two compiled runs give the same bytes. Plain Python (`NUMBA_DISABLE_JIT=1 python -m mm_research.self_test`) gives the
same decisions: floats may differ in the last digit, where a compiler makes a power otherwise, and are left out of them.
"""

import hashlib
from time import perf_counter
from typing import Any

import msgspec

from mm_core import events as e
from mm_core.setup.config import Config, to_config
from mm_core.setup.warm import warm
from mm_core.types import NS_PER_S
from mm_research.paper import PaperSession
from mm_research.synth.params import Params, instrument_of
from mm_research.synth.record import received
from mm_venues.audit import warm_book
from mm_venues.registry import VENUES
from mm_wire.codec import encode

# Short, as plain Python takes 0.2 s for a second of it; and busy, so that orders fill and are canceled.
MARKET = Params(duration_ns=15 * NS_PER_S, a_per_s=5.0, levels=20)
CONFIG: dict[str, Any] = {
    "signals": {"volatility_half_life_s": 2.0},
    "quoter": {"strategy": "avellaneda_stoikov", "levels": 2},
    "risk": {"default_limits": False},
    "exchange": {"queue": "power_prob:3", "maker_fee": "0.0002", "taker_fee": "0.0005"},
}
INSTRUMENT = instrument_of(MARKET)


class SelfTest(msgspec.Struct, frozen=True, kw_only=True):
    """SHA-256 of all bytes of a log, and of its whole numbers and texts; how much there was; seconds after start-up."""

    digest: str
    decisions: str
    events: int
    fills: int
    seconds: float


def self_test() -> SelfTest:
    """Run the market once, in this process."""
    config: Config = to_config(CONFIG)
    warm(config, INSTRUMENT)
    warm_book()
    started = perf_counter()
    log: list[e.Event] = []
    session = PaperSession(INSTRUMENT, config, log.append)
    writer = VENUES[MARKET.venue].frame_writer(INSTRUMENT)
    for recv_ns, event in received(MARKET):
        session.take(recv_ns, writer.frame(event))
    session.finish()
    return SelfTest(
        digest=hashlib.sha256(b"".join(map(encode, log))).hexdigest(),
        decisions=hashlib.sha256(msgspec.msgpack.encode([_decided(event) for event in log])).hexdigest(),
        events=len(log),
        fills=sum(isinstance(event, e.OrderFilled) for event in log),
        seconds=perf_counter() - started,
    )


def _decided(event: e.Event) -> list[int | str]:
    values = msgspec.structs.asdict(event).values()
    return [type(event).__name__, *(value for value in values if isinstance(value, int | str))]


if __name__ == "__main__":
    print(msgspec.json.encode(self_test()).decode())  # noqa: T201  # the result, for the caller
