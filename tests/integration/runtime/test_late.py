"""A pipeline that stood still: what waited is given up for a GAP, and the log is that of the roots that remain."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from tests.integration.runtime.group import Group, beside, running, until
from tests.integration.runtime.nodes import BEGIN_NS, NAME, PERIOD_NS, instrument, plain_log, trade
from tests.integration.runtime.proxy import Fate, every, proxy_to
from tests.integration.runtime.server import GROUP, Server, log_of

from mm_bus.roots import RootSource
from mm_core.events import FeedStatus, OperatorCommand, Root, RootEvent, Tick, Trade
from mm_core.types import NS_PER_S, BookState, Command
from mm_session.operator import send
from mm_wire.codec import decode

DELAY_NS = 3 * NS_PER_S
FREEZE_NS = 30 * NS_PER_S


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mm_bus.roots.REPEAT_S", 0.1)
    monkeypatch.setattr("mm_services.sequencer.sequencer.RESEND_S", 0.1)


class Machine:
    """What time it is for the source and the sequencer: it stands unless a test moves it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.passed_ns = 0
        monkeypatch.setattr("mm_services.sequencer.clock.elapsed_s", lambda: self.passed_ns / NS_PER_S)

    def now_ns(self) -> int:
        """The clock of the source."""
        return BEGIN_NS + self.passed_ns

    def at(self, event: RootEvent) -> RootEvent:
        """An event that has just come."""
        return msgspec.structs.replace(event, ts_ns=self.now_ns(), recv_ns=self.now_ns())


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """The clocks of a test."""
    return Machine(monkeypatch)


def status(state: BookState, reason: str = "") -> FeedStatus:
    """What the feed proves."""
    return FeedStatus(ts_ns=0, instrument_id=NAME, state=state, epoch=1, reason=reason)


class Live:
    """A source as a live recorder is: requested to send a GAP, it gives up what waits."""

    def __init__(self, source: RootSource, machine: Machine) -> None:
        self.source = source
        self.late_ns_seen: list[int] = []
        self._machine = machine
        source.on_late = self._on_late

    def _on_late(self, late_ns: int) -> None:
        self.late_ns_seen.append(late_ns)
        reason = f"the log stood still for {late_ns / NS_PER_S:.1f} s"
        gap = (status(BookState.GAP, reason), status(BookState.SYNCING))
        self.source.skip([self._machine.at(event) for event in gap])

    async def publish(self, *events: RootEvent) -> None:
        """Events that have just come."""
        self.source.offer([self._machine.at(event) for event in events])
        await self.source.send_new()


def roots_of(log: list[bytes]) -> list[Root]:
    """The roots of a log."""
    return [event for data in log if isinstance(event := decode(data), Root)]


def brief(log: list[bytes]) -> str:
    """The roots of a log but Ticks, each as one token."""
    tokens: list[str] = []
    for root in roots_of(log):
        match root:
            case Trade():
                tokens.append(str(root.trade_id))
            case FeedStatus():
                tokens.append(root.state.name)
            case OperatorCommand():
                tokens.append("command")
            case _:
                pass
    return " ".join(tokens)


def check_is_plain(log: list[bytes]) -> None:
    """The log is what its roots lead to, byte for byte, up to the Ticks of the silence at its end.

    It may end before the nodes have answered its last root: a root is confirmed when it is stored itself.
    """
    roots: list[Any] = [msgspec.structs.replace(root, local_ns=0, root_seq=0) for root in roots_of(log)]
    last = max(at for at, root in enumerate(roots) if not isinstance(root, Tick))
    plain = plain_log([root for root in roots[: last + 1] if not isinstance(root, Tick)], ends=False)
    assert log[: len(plain)] == plain[: len(log)]


async def opened(group: Group, machine: Machine, url: str = "") -> Live:
    """A log of which no node reports yet: its definition, VALID and two trades have been sent."""
    await group.sequencer(by_clock=True, delay_ns_max=DELAY_NS)
    live = Live(await group.source(url=url, clock_ns=machine.now_ns), machine)
    await live.publish(instrument(), status(BookState.VALID), trade(1), trade(2))
    await until(lambda: group.writer._intake._next["recorder"] == 5)
    return live


def stored(live: Live) -> Callable[[], bool]:
    """Whether the log holds all that the source has sent."""
    return lambda: live.source.unconfirmed == 0


def test_what_waited_while_a_node_stood_still_is_given_up_for_a_gap(server: Server, machine: Machine) -> None:
    async def run() -> list[int]:
        async with running(server.url) as group:
            live = await opened(group, machine)
            for number in range(3, 33):
                machine.passed_ns += FREEZE_NS // 30
                await live.publish(trade(number))
            await until(lambda: group.writer._intake._next["recorder"] == 35)
            await group.nodes()
            await beside(group, until(lambda: bool(live.late_ns_seen)))
            machine.passed_ns += NS_PER_S // 10
            await live.publish(trade(40), status(BookState.VALID), trade(41))
            await beside(group, until(stored(live)))
            assert group.writer.status()["stalls"] == 1
            return live.late_ns_seen

    late_ns_seen = asyncio.run(run())
    log = asyncio.run(log_of(server))
    check_is_plain(log)
    assert brief(log).removeprefix("VALID ") == "GAP SYNCING 40 VALID 41"
    gap = next(root for root in roots_of(log) if isinstance(root, FeedStatus) and root.state is BookState.GAP)
    assert gap.reason == "the log stood still for 30.0 s"
    assert gap.recv_ns == gap.local_ns == BEGIN_NS  # of the first that was given up
    assert [round(late_ns / NS_PER_S) for late_ns in late_ns_seen] == [30]


def test_what_is_not_too_old_is_appended(server: Server, machine: Machine) -> None:
    async def run() -> None:
        async with running(server.url) as group:
            live = await opened(group, machine)
            machine.passed_ns += DELAY_NS - NS_PER_S // 10
            await live.publish(trade(3))
            await group.nodes()
            await beside(group, until(stored(live)))
            assert live.late_ns_seen == []

    asyncio.run(run())
    log = asyncio.run(log_of(server))
    check_is_plain(log)
    assert brief(log) == "VALID 1 2 3"


def test_ticks_that_are_due_for_long_wait_until_the_book_is_void(server: Server, machine: Machine) -> None:
    """The sequencer itself stood still in a silent market: nobody decides at a time that is over."""

    async def run() -> None:
        async with running(server.url) as group:
            live = await opened(group, machine)
            await group.nodes()
            await beside(group, until(stored(live)))
            machine.passed_ns += FREEZE_NS
            await beside(group, until(lambda: group.writer.status()["local_ns"] >= machine.now_ns() - PERIOD_NS))
            await live.publish(status(BookState.VALID), trade(3))
            await beside(group, until(stored(live)))

    asyncio.run(run())
    log = asyncio.run(log_of(server))
    check_is_plain(log)
    assert brief(log) == "VALID 1 2 GAP SYNCING VALID 3"
    valid, gap, *_ = [root for root in roots_of(log) if isinstance(root, FeedStatus)]
    ticks = [root for root in roots_of(log) if isinstance(root, Tick)]
    assert len(ticks) == FREEZE_NS // PERIOD_NS
    assert [tick for tick in ticks if tick.root_seq < gap.root_seq] == []
    assert gap.local_ns == valid.local_ns


def test_no_tick_that_would_be_late_too_comes_before_the_gap(server: Server, machine: Machine) -> None:
    async def run() -> None:
        async with running(server.url) as group:
            live = await opened(group, machine)
            await group.nodes()
            await beside(group, until(stored(live)))
            machine.passed_ns += 3 * PERIOD_NS // 2  # a Tick is due between the log's last root and the next
            live.source.offer([machine.at(trade(3))])
            machine.passed_ns += FREEZE_NS
            await live.source.send_new()
            await beside(group, until(stored(live)))

    asyncio.run(run())
    assert brief(asyncio.run(log_of(server))) == "VALID 1 2 GAP SYNCING"


def test_a_command_that_waits_behind_what_is_late_comes_behind_the_gap(server: Server, machine: Machine) -> None:
    async def run() -> None:
        async with running(server.url) as group:
            live = await opened(group, machine)
            sending = asyncio.create_task(send(await group.connect(), GROUP, Command.HALT))
            await until(lambda: group.writer._intake.waiting[-1].source != "recorder")
            machine.passed_ns += FREEZE_NS
            await live.publish(trade(3))
            await group.nodes()
            await beside(group, sending)
            await live.publish(trade(4))
            await beside(group, until(stored(live)))

    asyncio.run(run())
    log = asyncio.run(log_of(server))
    check_is_plain_but_for_times(log)
    assert brief(log).removeprefix("VALID ") == "GAP SYNCING command 4"


def check_is_plain_but_for_times(log: list[bytes]) -> None:
    """As `check_is_plain`; a command has the time that the sequencer gives it."""
    roots = roots_of(log)
    assert [root.root_seq for root in roots] == list(range(1, len(roots) + 1))
    times_ns = [root.local_ns for root in roots]
    assert times_ns == sorted(times_ns)


def test_a_source_that_ends_while_the_log_is_held_ends_behind_the_gap(server: Server, machine: Machine) -> None:
    async def run() -> None:
        async with running(server.url) as group:
            live = await opened(group, machine)
            machine.passed_ns += FREEZE_NS
            ending = asyncio.create_task(live.source.end())
            await until(lambda: group.writer._intake._next["recorder"] == 6)
            await group.nodes()
            await beside(group, ending)
            await beside(group, until(lambda: bool(group.writer.status()["ended"])))
            assert live.late_ns_seen

    asyncio.run(run())
    log = asyncio.run(log_of(server))
    check_is_plain(log[:-1])
    assert brief(log).removeprefix("VALID ") == "GAP SYNCING"
    assert isinstance(roots_of(log)[-1], Tick)


@pytest.mark.parametrize("lost", ["root", "want"])
def test_a_question_or_an_answer_that_is_lost_is_repeated(server: Server, machine: Machine, lost: str) -> None:
    async def run() -> None:
        async with proxy_to(server) as proxy, running(server.url) as group:
            live = await opened(group, machine, proxy.url)
            machine.passed_ns += FREEZE_NS
            await live.publish(trade(3))
            await until(lambda: group.writer._intake._next["recorder"] == 6)
            proxy.sent = proxy.received = every(2, Fate.DROP, lambda name, _: f".{lost}." in name)
            await group.nodes()
            await beside(group, until(lambda: bool(live.late_ns_seen)))
            await live.publish(trade(4))
            await beside(group, until(stored(live)))

    asyncio.run(run())
    log = asyncio.run(log_of(server))
    check_is_plain(log)
    assert brief(log).endswith("GAP SYNCING 4")
    assert "3" not in brief(log).split()
