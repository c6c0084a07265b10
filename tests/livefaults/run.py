"""One session with one fault, and what was seen of it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.livefaults.faults import HEAL_S_MAX, Fault
from tests.livefaults.live import START_S_MAX, LiveSession, live, now_ns
from tests.livefaults.market import Touch
from tests.livefaults.seen import Healing, Span, healing
from tests.livefaults.venue import trading

from mm_core import events as e
from mm_core.types import NS_PER_S
from mm_store.log_read import has_log, read_log

FILLS = 3  # before the fault: then it quotes on both sides, and its orders are found


class Seen(NamedTuple):
    """How a session ended, and its log. `stored_ns`: when its events were stored."""

    code: int
    err: str
    out: Path
    span: Span
    healing: Healing
    log: Sequence[e.AnyEvent]
    stored_ns: Sequence[int]
    truth: dict[int, Touch]
    requests: int  # for the venue's book

    @property
    def recorder_log(self) -> str:
        """What the recorder logged."""
        return (self.out / "services" / "recorder.log").read_text()


def run(fault: Fault, folder: Path) -> Seen:
    """Run the session; everything of it is in `folder`."""
    return asyncio.run(_run(fault, folder))


async def _run(fault: Fault, folder: Path) -> Seen:
    async with trading() as venue, live(venue, folder, *fault.settings) as session:
        assert await session.until(lambda: session.count(e.OrderFilled) >= FILLS, START_S_MAX), "it does not trade"
        start, start_ns = len(session.events), now_ns()
        over_ns = await fault.happen(venue, session)
        await session.until(lambda: _is_over(fault, session, start, over_ns), HEAL_S_MAX)
        given_up_ns = now_ns()
        code, _, err = await session.end()
        out, received, stored_ns = session.out, session.events, session.stored_ns
    log = list(read_log(out)) if has_log(out) else received
    healed = healing(_until(log, given_up_ns), start, over_ns)
    end_ns = over_ns or healed.valid_ns or given_up_ns
    span = Span(start_ns, start_ns + int(fault.quiet_s * NS_PER_S), end_ns)
    return Seen(code, err, out, span, healed, log, stored_ns, venue.truth, venue.depth_requests)


def _until(log: Sequence[e.AnyEvent], end_ns: int) -> Sequence[e.AnyEvent]:
    """A log without its end, where the book is void because the session ends."""
    return [event for event in log if not isinstance(event, e.FeedStatus | e.Book) or event.local_ns < end_ns]


def _is_over(fault: Fault, session: LiveSession, start: int, over_ns: int) -> bool:
    """The book is proven again and quoted."""
    if fault.trades_on:
        return True
    return bool(healing(session.events, start, over_ns).order_ns)
