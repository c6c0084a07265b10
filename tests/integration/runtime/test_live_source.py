"""The live source between a venue of the test and a real log: how it opens, and every way in which it ends."""

import asyncio
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from tests.integration.runtime.group import Group, beside, running, until
from tests.integration.runtime.server import GROUP, Server, log_of
from tests.venue.market import ETH, book, diff, impatient
from tests.venue.play import synced
from tests.venue.venue import Venue, answer, snapshot

from mm_bus.roots import RootSource
from mm_core.events import BookDelta, FeedStatus, InstrumentDefined, Root, Tick
from mm_core.types import NS_PER_S, BookState
from mm_services.recorder.live_source import LiveSource
from mm_venues.audit import CompiledBook, TouchAudit
from mm_venues.binance.feed import Feed
from mm_venues.steady_clock import SteadyClock
from mm_wire.codec import decode
from mm_wire.subjects import RECORDER


def info(tick: str = "0.10000000", least: str = "0.001") -> bytes:
    """The trading rules of ETHUSDT."""
    price = {"filterType": "PRICE_FILTER", "tickSize": tick, "minPrice": tick, "maxPrice": "100000"}
    lot = {"filterType": "LOT_SIZE", "stepSize": "0.00100000", "minQty": least, "maxQty": "9000"}
    assets = {"symbol": "ETHUSDT", "status": "TRADING", "baseAsset": "ETH", "quoteAsset": "USDT"}
    return msgspec.json.encode({"symbols": [assets | {"filters": [price, lot]}]})


class Taking:
    """What a live source needs of a recorder."""

    def __init__(self, roots: RootSource) -> None:
        self.roots = roots
        self.feed = Feed(ETH, TouchAudit(CompiledBook()))
        self.first_ns = 0

    async def open(self) -> int:
        """The number of the next root."""
        return await self.roots.start()

    def receive(self, recv_ns: int, frame: bytes) -> Any:
        """The port."""
        events = self.feed.feed(recv_ns, frame)
        self.first_ns = self.first_ns or recv_ns
        return events


class Session:
    """A live source of a venue that runs, into a group's log."""

    def __init__(self, group: Group, roots: RootSource, venue: Venue, duration_ns: int, definition_s: float) -> None:
        self.group, self.venue = group, venue
        self.taking = Taking(roots)
        self.ended = asyncio.Event()
        live: Any = self.taking
        clock = SteadyClock()
        self.source = LiveSource(live, ETH, clock, offset_ns=0, duration_ns=duration_ns, ended=self.ended)
        endpoints = impatient(venue, definition_s=definition_s)
        self.running = asyncio.create_task(self.source.run(endpoints, self._nodes_ready))

    async def _nodes_ready(self) -> None:
        """The nodes are up."""

    async def sync(self) -> None:
        """Until the book is proven."""
        await until(lambda: self.taking.feed.is_valid)

    async def end(self) -> None:
        """Wait for the source, and close the log behind it."""
        await beside(self.group, self.running)
        await self.taking.roots.end()
        await until(lambda: bool(self.group.writer.status()["ended"]))


def play(server: Server, test: Any, duration_ns: int = 0, definition_s: float = 600.0) -> list[Root]:
    """Run a session and a test beside it until it ends; the roots of the log."""

    async def run() -> None:
        async with running(server.url) as group, Venue("ETHUSDT", [synced], [snapshot(book(0))]) as venue:
            venue.info_reply = answer(200, info())
            await group.sequencer()
            await group.nodes()
            roots = RootSource(await group.connect(), GROUP, RECORDER, SteadyClock().now_ns)
            session = Session(group, roots, venue, duration_ns, definition_s)
            await test(session)
            await session.end()

    asyncio.run(run())
    return [event for data in asyncio.run(log_of(server)) if isinstance(event := decode(data), Root)]


def plain(event: Root) -> Root:
    """An event without its times."""
    return msgspec.structs.replace(event, ts_ns=0, recv_ns=0, local_ns=0, root_seq=0)


def test_the_log_opens_with_the_definition_and_holds_it_again_only_when_it_has_changed(server: Server) -> None:
    async def test(session: Session) -> None:
        await session.sync()
        session.venue.info_reply = answer(200, info(least="0.005"))
        await until(lambda: session.taking.feed._instrument.qty_lots_min == 5)
        session.ended.set()

    roots = play(server, test, definition_s=0.05)
    defined = [root for root in roots if isinstance(root, InstrumentDefined)]
    assert isinstance(roots[0], InstrumentDefined)
    assert plain(roots[0]) == ETH
    assert [each.qty_lots_min for each in defined] == [0, 1, 5]
    assert [type(root) for root in roots if isinstance(root, BookDelta)] == [BookDelta]


def test_another_tick_ends_the_log_with_the_reason(server: Server) -> None:
    async def test(session: Session) -> None:
        await session.sync()
        session.venue.info_reply = answer(200, info(tick="0.01000000"))
        await until(lambda: bool(session.source.reason))
        assert "0.01" in session.source.reason
        assert session.source.reason.endswith("the instrument is another one from here on")

    roots = play(server, test, definition_s=0.05)
    statuses = [root for root in roots if isinstance(root, FeedStatus)]
    assert statuses[-1].state is BookState.GAP
    assert "0.01" in statuses[-1].reason
    assert isinstance(roots[-1], Tick)


@pytest.mark.parametrize("is_silent", [False, True], ids=["a frame behind it", "silence"])
def test_it_ends_when_its_duration_of_receive_time_is_over(server: Server, *, is_silent: bool) -> None:
    async def test(session: Session) -> None:
        await session.sync()
        while not is_silent and not session.ended.is_set():
            with suppress(ConnectionError):  # it may end between the two
                await session.venue.lines[0].send(diff(2, 2))
                await session.venue.lines[0].pings(1)
        assert session.source.reason == ""

    roots = play(server, test, duration_ns=NS_PER_S)
    times_ns = [root.recv_ns for root in roots if isinstance(root, BookDelta | FeedStatus)]
    assert max(times_ns) - min(times_ns) <= NS_PER_S


def test_what_is_late_is_given_up_for_a_gap_as_old_as_it(server: Server) -> None:
    async def test(session: Session) -> None:
        await session.sync()
        roots = session.taking.roots
        await until(lambda: roots.unconfirmed == 0)
        session.source._on_late(12 * NS_PER_S)
        await session.venue.lines[0].send(diff(2, 2))
        await until(lambda: roots.unconfirmed == 0)
        session.ended.set()

    roots = play(server, test)
    gap = next(root for root in roots if isinstance(root, FeedStatus) and root.state is BookState.GAP)
    before = roots[roots.index(gap) - 1]
    assert gap.reason == "the log stood still for 12.0 s"
    assert gap.recv_ns <= before.recv_ns
