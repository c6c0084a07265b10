"""The faults: how each happens, and what is right then."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from tests.livefaults.live import LiveSession, now_ns
from tests.livefaults.market import TICK, UNIT, Payload
from tests.livefaults.venue import MarketVenue
from tests.session import SERVER

FREEZE_S = 30.0
STEP_S, STEPPED_S = 3_600, 10.0
HALT_S = 5.0
SILENCE_S = 8.0
JUMP = 1_000_000_000
HEAL_S_MAX = 20.0
POLL_OFTEN = ("venue.definition_s=1",)

Happen = Callable[[MarketVenue, LiveSession], Awaitable[int]]


class Fault(NamedTuple):
    """A fault; `name` and `right` are columns of the table.

    `happen` returns when it was over, 0 if it lasts until the session heals itself. From `quiet_s` after its begin
    until then nothing may be ordered or filled. `reason` is looked for in the reasons of the book, or in what the
    recorder logged; `heals_s` bounds the time from its end (or begin) to a book that is proven again.
    """

    key: str
    name: str
    right: str
    happen: Happen
    quiet_s: float
    reason: str
    heals_s: float = 15.0
    settings: tuple[str, ...] = ()
    exit_code: int = 130  # ended by Ctrl-C
    wrong_s: float = 0.0  # so long after its begin a VALID book may be wrong
    trades_on: bool = False  # it must not stop anything
    skips_backlog: bool = False  # what the venue sent meanwhile is never taken


async def _stall(venue: MarketVenue, _: LiveSession) -> int:
    venue.stall_depth()
    return 0


async def _stall_calm(venue: MarketVenue, session: LiveSession) -> int:
    venue.market.is_calm = True
    return await _stall(venue, session)


async def _silence(venue: MarketVenue, _: LiveSession) -> int:
    venue.is_silent = True
    await asyncio.sleep(SILENCE_S)
    over_ns = now_ns()
    venue.is_silent = False
    return over_ns


async def _cut(venue: MarketVenue, _: LiveSession) -> int:
    venue.lines[-1].abort()
    return 0


async def _kill_recorder(_: MarketVenue, session: LiveSession) -> int:
    session.kill("recorder")
    return 0


async def _restart_ids(venue: MarketVenue, _: LiveSession) -> int:
    venue.market.restart_ids()
    return 0


def _once(tamper: Callable[[Payload], Payload]) -> Happen:
    async def happen(venue: MarketVenue, _: LiveSession) -> int:
        venue.tamper = tamper
        return 0

    return happen


def _jumped(diff: Payload) -> Payload:
    return diff | {"u": diff["u"] + JUMP}


def _crossed(diff: Payload) -> Payload:
    """A bid above all asks that the venue never had."""
    highest = max(float(price) for price, _ in diff["a"])
    return diff | {"b": [*diff["b"], [f"{highest + 5 * TICK / UNIT:.8f}", "1.00000000"]]}


def _incomplete(diff: Payload) -> Payload:
    """What changed on the bid side is left out: the venue's own top shows it."""
    return diff | {"b": []}


async def _change_tick(venue: MarketVenue, session: LiveSession) -> int:
    venue.tick_size = "0.00100000"
    venue.market.leave_grid()
    await session.until(lambda: session.has_ended, HEAL_S_MAX)
    return now_ns()


async def _halt(venue: MarketVenue, _: LiveSession) -> int:
    venue.status = "HALT"
    await asyncio.sleep(HALT_S)
    over_ns = now_ns()
    venue.status = "TRADING"
    return over_ns


def _freeze(service: str) -> Happen:
    async def happen(_: MarketVenue, session: LiveSession) -> int:
        with session.frozen(service):
            await asyncio.sleep(FREEZE_S)
            return now_ns()  # behind it the session may heal before we read the clock

    return happen


async def _step_clock(_: MarketVenue, session: LiveSession) -> int:
    session.step_clock(STEP_S)
    await asyncio.sleep(STEPPED_S)
    session.step_clock(0)
    return now_ns()


NODES = ("book_builder", "quoter", "risk", "paper_exchange", "accountant", "sequencer")
STOOD = r"stood still for (2[7-9]|3\d)"
AGAIN = "synchronised anew"
THROUGH, INSIDE = "trades through the touch", "trades at the touch"

FAULTS = (
    Fault("stall_through", f"depth stream stalled, {THROUGH}", f"void within 2.5 s, {AGAIN}", _stall, 2.5, "depth"),
    Fault("stall_inside", f"depth stream stalled, {INSIDE}", f"void within 6.5 s, {AGAIN}", _stall_calm, 6.5, "depth"),
    Fault("silence", "all streams silent for 8 s", "STALE after 5 s (book.stale_ms)", _silence, 5.2, "silent"),
    Fault("cut", "the connection is cut", f"GAP at once, {AGAIN}", _cut, 0.5, "connection lost"),
    Fault("kill_recorder", "recorder killed", f"void once it is back, {AGAIN}", _kill_recorder, 5.2, "start"),
    Fault("ids_restart", "update ids restart at 1", f"void within 1 s, {AGAIN}", _restart_ids, 1.0, "ids"),
    Fault(
        key="id_jump",
        name="one u jumps by 1e9",
        right=f"void within 1 s, {AGAIN}",
        happen=_once(_jumped),
        quiet_s=1.0,
        reason="ids",
        wrong_s=1.0,  # what follows is like a late diff until more of them come
    ),
    Fault("crossed", "a diff crosses the book", f"void at once, {AGAIN}", _once(_crossed), 0.5, "cross"),
    Fault("contradiction", "the venue's top contradicts", f"void at once, {AGAIN}", _once(_incomplete), 0.5, "touch"),
    Fault(
        key="tick",
        name="tick size 0.01 becomes 0.001",
        right="GAP at once; the session ends with the reason, exit 1",
        happen=_change_tick,
        quiet_s=2.5,
        reason="tick size",
        settings=POLL_OFTEN,
        exit_code=1,
    ),
    Fault(
        key="halt",
        name="symbol status HALT for 5 s",
        right="STALE within 2.5 s, quoted again once it trades",
        happen=_halt,
        quiet_s=2.5,
        reason="HALT",
        heals_s=5.0,
        settings=POLL_OFTEN,
    ),
    *(
        Fault(
            key=f"freeze_{node}",
            name=f"{node} frozen for 30 s",
            right=f"no order, no fill from 3 s on; then GAP, {AGAIN}",
            happen=_freeze(node),
            quiet_s=3.0,
            reason=STOOD,
        )
        for node in NODES
    ),
    Fault(
        key="freeze_bus",
        name="nats-server frozen for 30 s",
        right=f"no order, no fill from 3 s on; then GAP, {AGAIN}",
        happen=_freeze(SERVER),
        quiet_s=3.0,
        reason=STOOD,
    ),
    Fault(
        key="freeze_recorder",
        name="recorder frozen for 30 s",
        right="STALE after 5 s (book.stale_ms); then connected anew, nothing of the backlog taken",
        happen=_freeze("recorder"),
        quiet_s=5.2,
        reason=STOOD,
        skips_backlog=True,
    ),
    Fault(
        key="clock",
        name="recorder's wall clock + 1 h and back",
        right="no time on the log moves, trading continues",
        happen=_step_clock,
        quiet_s=0.0,
        reason=r"stepped by \+3600",
        trades_on=True,
    ),
)
