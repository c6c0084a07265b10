"""Connections that the client gives up by itself: it stood still, or the feed finds the stream stalled."""

import asyncio
from collections.abc import Awaitable, Callable

from tests.venue.market import Port, book, diff, impatient
from tests.venue.play import SYNCED, SYNCED_AGAIN, synced, then
from tests.venue.venue import Venue, snapshot

from mm_venues import control
from mm_venues.binance.client import BinanceClient
from mm_venues.binance.rest import Rest
from mm_venues.steady_clock import FreezeWatch


class Hands:
    """What a test turns: the clock of the freeze watch, and the feed's wish."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.reason = ""


def given_up(test: Callable[[Venue, Port, BinanceClient, Hands], Awaitable[None]]) -> Port:
    """Run a client with these hands and a test beside it: a session that syncs, then one that syncs again."""

    async def run() -> Port:
        port, hands = Port(), Hands()
        sessions, replies = [synced, then(diff(11, 11))], [snapshot(book(0)), snapshot(book(10))]
        async with Venue("ETHUSDT", sessions, replies) as venue, Rest(f"http://{venue.url}", weight_max=6_000) as rest:
            client = BinanceClient(
                "ETHUSDT",
                impatient(venue),
                rest,
                port.take,
                lambda: port.feed.sync.needs_snapshot,
                reconnect_reason=lambda: hands.reason,
                freeze=FreezeWatch(3.0, lambda: hands.now_s),
            )
            task = asyncio.create_task(client.run())
            await test(venue, port, client, hands)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        return port

    return asyncio.run(run())


def test_what_waited_in_the_socket_during_a_freeze_is_not_taken() -> None:
    async def test(venue: Venue, port: Port, client: BinanceClient, hands: Hands) -> None:
        await port.until_published(SYNCED)
        hands.now_s = 30.0  # before anything of the loop runs again
        await venue.lines[0].send(diff(2, 2), diff(3, 3))
        await port.until_published(SYNCED_AGAIN)
        assert client.counts.disconnects == {"frozen": 1}
        assert (client.counts.frames, client.counts.connects) == (2, 2)

    port = given_up(test)
    recorded = [control.read(frame).reason for _, frame in port.frames if b"crypto_mm" in frame]
    assert recorded == ["this process stood still for 30.0 s", "stopped"]


def test_a_freeze_in_a_silent_market_is_noticed_too() -> None:
    async def test(_venue: Venue, port: Port, client: BinanceClient, hands: Hands) -> None:
        await port.until_published(SYNCED)
        hands.now_s = 10.0
        await port.until_published(SYNCED_AGAIN)
        assert client.counts.disconnects == {"frozen": 1}

    given_up(test)


def test_a_stalled_stream_is_subscribed_anew() -> None:
    async def test(_venue: Venue, port: Port, client: BinanceClient, hands: Hands) -> None:
        await port.until_published(SYNCED)
        hands.reason = "trades, but no depth for 5 s"
        await port.until_published("GAP1 SYNCING2")
        hands.reason = ""
        await port.until_published(SYNCED_AGAIN)
        assert client.counts.disconnects == {"stalled": 1}

    port = given_up(test)
    assert any(b"trades, but no depth for 5 s" in frame for _, frame in port.frames)
