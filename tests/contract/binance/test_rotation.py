"""A connection that is replaced while it runs: no gap, nothing lost; and successors that fail."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from tests.venue.market import Port, book, diff, impatient, running, trade
from tests.venue.play import SYNCED, SYNCED_AGAIN, play, synced, then
from tests.venue.venue import Line, Session, Venue, silence, snapshot

from mm_venues.binance.client import BinanceClient

SHUTDOWNS = {
    "raw": b'{"e":"serverShutdown","E":1790000000000}',
    "combined": b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1790000000000}}',
}


@pytest.mark.parametrize("form", SHUTDOWNS)
def test_a_shutdown_that_is_announced_costs_nothing(tmp_path: Path, form: str) -> None:
    async def old(line: Line) -> None:
        await line.send(diff(1, 1), trade(1))
        await line.send(SHUTDOWNS[form])

    async def test(venue: Venue, port: Port, client: BinanceClient) -> None:
        await port.until_published(SYNCED)
        await venue.until(lambda: len(venue.lines) == 2)
        first, second = venue.lines
        await first.send(diff(2, 2))
        await port.until_published("2-2")
        await second.send(diff(2, 2), diff(3, 3))
        await port.until_published("3-3")
        await first.send(diff(3, 3), trade(2))  # the trades of the second are still expected
        await port.until(lambda: port.feed.counts().trades == 2)
        assert client.counts.rotations == 0
        await second.send(trade(2), diff(4, 4))
        await port.until_published("3-3 4-4")
        async with asyncio.timeout(10):
            await first.ended.wait()
        await second.send(diff(5, 5), trade(3))
        await port.until(lambda: port.feed.counts().trades == 3)
        counts = port.feed.counts()
        assert (counts.gaps, counts.disconnects, counts.trades_repeated) == (0, 0, 1)
        assert (client.counts.connects, client.counts.rotations, client.counts.disconnects) == (2, 1, {})

    port = play(tmp_path, [old, silence], [snapshot(book(0))], test)
    assert port.short() == f"{SYNCED} 2-2 3-3 4-4 5-5 GAP1 SYNCING2"


def test_a_shutdown_before_the_successor_is_there_is_a_gap(tmp_path: Path) -> None:
    async def old(line: Line) -> None:
        await line.send(diff(1, 1), SHUTDOWNS["combined"])
        await asyncio.sleep(0)
        await line.close(1001, b"going away")

    async def test(_venue: Venue, port: Port, client: BinanceClient) -> None:
        await port.until(lambda: "GAP1" in port.short() or "SYNCING2" in port.short())
        await port.until(lambda: port.short().endswith("11-11 VALID2"))
        assert client.counts.disconnects == {"shutdown": 1}

    play(tmp_path, [old, then(diff(11, 11))], [snapshot(book(0)), snapshot(book(10))], test)


def rotating(
    sessions: list[Session], rotate_s: float, test: Callable[[Venue, Port, BinanceClient], Awaitable[None]]
) -> Port:
    """Run a client that replaces its connections that often, and a test beside it."""

    async def run() -> Port:
        port = Port()
        async with Venue("ETHUSDT", sessions, [snapshot(book(0)), snapshot(book(10))]) as venue:
            endpoints = impatient(venue, rotate_s=rotate_s)
            async with running(venue, port, endpoints) as client:
                await test(venue, port, client)
        return port

    return asyncio.run(run())


def test_a_connection_is_replaced_when_it_is_old() -> None:
    async def test(venue: Venue, port: Port, client: BinanceClient) -> None:
        for number in range(2, 6):
            await venue.until(lambda: len(venue.lines) == number)  # noqa: B023
            await venue.lines[-1].send(diff(number, number))
            await port.until_published(f"{number}-{number}")
            async with asyncio.timeout(10):
                await venue.lines[-2].ended.wait()
            assert client.counts.rotations == number - 1
        assert client.counts.disconnects == {}

    port = rotating([synced, silence], 0.05, test)
    assert port.short().startswith(f"{SYNCED} 2-2 3-3 4-4 5-5")


def test_a_successor_that_ends_is_tried_again_and_the_old_one_stays() -> None:
    async def cut(line: Line) -> None:
        line.abort()

    async def test(venue: Venue, port: Port, client: BinanceClient) -> None:
        await venue.until(lambda: len(venue.lines) == 4)
        await venue.lines[0].send(diff(2, 2))
        await port.until_published("2-2")
        assert (client.counts.rotations, client.counts.disconnects) == (0, {})

    rotating([synced, cut, cut, silence], 0.05, test)


def test_an_old_connection_that_ends_first_is_a_gap_and_the_successor_stays() -> None:
    async def test(venue: Venue, port: Port, client: BinanceClient) -> None:
        await port.until_published(SYNCED)
        await venue.until(lambda: len(venue.lines) == 2)
        await venue.lines[1].pings(1)
        venue.lines[0].abort()
        await port.until_published("GAP1 SYNCING2")
        await venue.lines[1].send(diff(11, 11))
        await port.until_published(SYNCED_AGAIN)
        assert (client.counts.rotations, client.counts.disconnects) == (0, {"lost": 1})
        assert venue.lines[1].path_qs == venue.lines[0].path_qs

    rotating([synced, silence], 0.3, test)
