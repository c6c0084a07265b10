"""Fill time >= acceptance >= decision + latency, and nothing behind a cancel: over generated markets and recordings."""

from collections.abc import Iterator
from functools import partial
from itertools import cycle, takewhile
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.parity.harness import by_nodes, small
from tests.parity.markets import INSTRUMENT, Market, configs, move, moves

from mm_core import events as e
from mm_core.setup.config import Config, to_config
from mm_core.setup.core import new_core
from mm_core.types import NS_PER_S, Side
from mm_research.paper import PaperSession
from mm_store.ws_lines import WsLines

WIDTH, FAR = 128, 64
MS = 1_000_000
QUOTER = {
    "strategy": "fixed_spread",
    "order_qty_base": "0.001",
    "position_max_base": "0.01",
    "join_only": True,
    "levels": 2,
}


class Times:
    """Checks the events of one log in their order. `fills` counts, `older` the prints that must not fill an order.

    Those lie behind its acceptance in the log and before it in exchange time, at its price or beyond.
    """

    def __init__(self, config: Config) -> None:
        exchange = config.exchange
        cancel_ms = exchange.entry_ms if exchange.cancel_ms is None else exchange.cancel_ms
        self._entry_ns, self._cancel_ns = int(exchange.entry_ms * MS), int(cancel_ms * MS)
        self._response_ns = int(exchange.response_ms * MS)
        self.fills = self.older = 0
        self._decided_ns: dict[int, int] = {}
        self._cancel_decided_ns: dict[int, int] = {}
        self._accepted: dict[int, e.OrderAccepted] = {}
        self._canceled_ns: dict[int, int] = {}
        self._known_ns = 0

    def take(self, event: e.Event) -> None:
        """Take the next event. AssertionError names what came too early."""
        match event:
            case e.SubmitOrder():
                self._decided_ns[event.order_id] = event.local_ns
            case e.CancelOrder():
                self._cancel_decided_ns[event.order_id] = event.local_ns
            case e.Trade():
                self._count_older(event)
            case e.OrderAccepted() | e.OrderRejected() | e.OrderExpired() | e.OrderFilled():
                self._known(event)
                assert event.ts_ns >= self._decided_ns[event.order_id] + self._entry_ns, event
                self._order(event)
            case e.OrderCanceled():
                self._known(event)
                assert event.ts_ns >= self._cancel_decided_ns[event.order_id] + self._cancel_ns, event
                self._canceled_ns[event.order_id] = event.ts_ns
                del self._accepted[event.order_id]

    def _order(self, event: e.OrderEvent) -> None:
        match event:
            case e.OrderAccepted():
                self._accepted[event.order_id] = event
            case e.OrderFilled():
                self.fills += 1
                assert event.order_id not in self._canceled_ns, event
                if event.maker:
                    assert event.ts_ns >= self._accepted[event.order_id].ts_ns, event
                if not event.leaves_lots:
                    self._accepted.pop(event.order_id, None)

    def _known(self, answer: e.OrderEvent) -> None:
        """Answers keep the order of their connection, and take its time."""
        assert answer.local_ns >= max(answer.ts_ns + self._response_ns, self._known_ns), answer
        self._known_ns = answer.local_ns

    def _count_older(self, trade: e.Trade) -> None:
        for order in self._accepted.values():
            reach_ticks = order.price_ticks - trade.price_ticks
            is_reached = reach_ticks >= 0 if order.side is Side.BUY else reach_ticks <= 0
            self.older += order.side != trade.side and is_reached and trade.ts_ns < order.ts_ns


@st.composite
def touching(draw: st.DrawFn) -> Config:
    """Configurations that quote at the touch whenever it changes."""
    latencies_ms = st.sampled_from(["0", "0.5", "10", "40"])
    exchange = {
        "entry_ms": draw(st.sampled_from(["0", "0", "10"])),
        "cancel_ms": draw(latencies_ms),
        "response_ms": draw(latencies_ms),
        "queue": draw(st.sampled_from(["risk_averse", "power_prob:3"])),
        "partial_fills": draw(st.booleans()),
        "venue_top": draw(st.booleans()),
    }
    sections = {
        "clock": {"tick_period_ms": draw(st.sampled_from([20, 100]))},
        "book": {"decide_on": draw(st.sampled_from(["touch", "top"]))},
        "signals": {"volatility_sample_ms": 200, "ofi_window_ms": 0, "executable_sizes_base": ()},
        "quoter": {"order_qty_base": "0.004", "position_max_base": "1", "levels": 2, "join_only": draw(st.booleans())},
        "fixed_spread": {"half_spread_ticks": draw(st.sampled_from([0.5, 1.0]))},
        "risk": {"collar_bps": 10_000, "loss_session_max_quote": 1_000_000},
        "exchange": exchange,
    }
    config: Config = to_config(sections, strict=False)
    return config


busy = st.lists(move, min_size=40, max_size=80)
lateness_ms = st.lists(st.sampled_from([0, 0, 20, 60, 150]), min_size=1, max_size=8)


def late(events: list[e.RootEvent], late_ms: list[int]) -> list[e.RootEvent]:
    """The events, with prints that were made earlier than they come, by `late_ms` in turn."""
    turn = cycle(late_ms)
    return [
        msgspec.structs.replace(event, ts_ns=event.ts_ns - next(turn) * MS) if isinstance(event, e.Trade) else event
        for event in events
    ]


def times_generated(config: Config, drawn: list[Any], late_ms: list[int]) -> Times:
    """The times of the nodes on a generated market."""
    core = small(new_core(config, INSTRUMENT), WIDTH, FAR)
    times = Times(config)
    for event in by_nodes(core, INSTRUMENT.instrument_id, late(Market().events(drawn), late_ms))[1]:
        times.take(event)
    return times


@settings(max_examples=100)
@given(st.one_of(configs(), touching()), st.one_of(moves, busy), lateness_ms)
def test_nothing_fills_before_its_order_nor_behind_its_cancel(
    config: Config, drawn: list[Any], late_ms: list[int]
) -> None:
    times_generated(config, drawn, late_ms)


class Recorded(NamedTuple):
    """A recording with books: its files, its tick, lot and clock offset, and how much of it is tried by default."""

    files: tuple[str, ...]
    tick_size: str
    lot_size: str
    offset_ns: int
    seconds: int
    symbol: str
    quoter: dict[str, Any]


BTCUSDT = Recorded(
    ("btcusdt_20240808.gz", "btcusdt_20240809.gz"), "0.01", "0.00001", 1_277 * MS, 120, "BTCUSDT", QUOTER
)
NEXOUSDT = Recorded(
    ("nexousdt_20240723.dat.gz", "nexousdt_20240724.dat.gz"),
    "0.001",
    "0.01",
    180 * MS,
    600,
    "NEXOUSDT",
    QUOTER | {"order_qty_base": "10", "position_max_base": "100"},
)
EXCHANGES = {
    "at once": {"entry_ms": 0, "response_ms": 0},
    "slow, in queues": {"entry_ms": 120, "cancel_ms": 60, "response_ms": 40, "queue": "power_prob:3"},
    "depth alone, whole fills": {"entry_ms": 0, "response_ms": 0, "venue_top": False, "partial_fills": False},
}


def frames(lines: WsLines, seconds: int) -> Iterator[tuple[int, bytes]]:
    """The lines of the first `seconds` of receive time, all of them for 0."""
    each = iter(lines)
    first = next(each)
    yield first
    until_ns = first[0] + seconds * NS_PER_S
    yield from takewhile(lambda line: not seconds or line[0] < until_ns, each)


def times_of(recorded: Recorded, data: Path, exchange: dict[str, Any], seconds: int) -> Times:
    """A session on a recording that quotes at the touch, its times checked event by event."""
    sections = {
        "clock": {"offset_ns": recorded.offset_ns},
        "quoter": recorded.quoter,
        "fixed_spread": {"half_spread_ticks": 0.5},
        "risk": {"loss_session_max_quote": 1_000_000},
        "exchange": exchange,
    }
    config: Config = to_config(sections, strict=False)
    instrument = e.InstrumentDefined(
        instrument_id=f"binance.{recorded.symbol}",
        ts_ns=0,
        venue_symbol=recorded.symbol,
        tick_size=recorded.tick_size,
        lot_size=recorded.lot_size,
    )
    times = Times(config)
    session = PaperSession(instrument, config, times.take)
    for recv_ns, frame in frames(WsLines([data / "binance_spot" / name for name in recorded.files]), seconds):
        session.take(recv_ns, frame)
    session.finish()
    return times


over_recordings = partial(pytest.mark.parametrize("recorded", [BTCUSDT, NEXOUSDT], ids=["BTCUSDT", "NEXOUSDT"]))
over_exchanges = partial(pytest.mark.parametrize("exchange", EXCHANGES.values(), ids=EXCHANGES.keys()))


@over_recordings()
@over_exchanges()
def test_nothing_fills_before_its_order_on_a_recording(
    shared_data: Path, recorded: Recorded, exchange: dict[str, Any]
) -> None:
    assert times_of(recorded, shared_data, exchange, recorded.seconds).fills >= 10


@pytest.mark.slow
@over_recordings()
@over_exchanges()
def test_nothing_fills_before_its_order_on_a_complete_recording(
    shared_data: Path, recorded: Recorded, exchange: dict[str, Any]
) -> None:
    times = times_of(recorded, shared_data, exchange, 0)
    assert times.fills > 100
    assert times.older > 0, "no print older than the order that it reached: the recording tests nothing"
