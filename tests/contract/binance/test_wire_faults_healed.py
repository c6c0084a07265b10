"""Faults that the feed finds and the client mends: wrong books, halts, new grids, and storms of requests."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.venue.market import FIRST_NS, Port, book, diff, impatient, trade
from tests.venue.play import SYNCED, play, synced
from tests.venue.venue import Venue, answer, silence, snapshot

from mm_venues.binance.client import BinanceClient
from mm_venues.binance.rest import Rest

CROSSING = diff(2, 2).replace(b"2450.10000000", b"2450.40000000")
LOCKING = diff(2, 2).replace(b"2450.10000000", b"2450.30000000")


def touch(update_id: int, quantity: int) -> bytes:
    """The venue's own touch, with so much at the bid."""
    data = {"u": update_id, "s": "ETHUSDT", "b": "2450.1", "B": str(quantity), "a": "2450.3", "A": "1"}
    return json.dumps({"stream": "ethusdt@bookTicker", "data": data}).encode()


@pytest.mark.parametrize(
    "frames",
    [
        pytest.param([CROSSING], id="crossed"),
        pytest.param([LOCKING], id="locked"),
        pytest.param([diff(2, 2), touch(2, 7)], id="touch behind its diff"),
        pytest.param([touch(2, 7), diff(2, 2)], id="touch before its diff"),
    ],
)
def test_a_book_that_is_wrong_is_void_until_a_snapshot_proves_another(tmp_path: Path, frames: list[bytes]) -> None:
    async def test(venue: Venue, port: Port, client: BinanceClient) -> None:
        await port.until_published(SYNCED)
        await venue.lines[0].send(*frames)
        await port.until(lambda: "GAP1 SYNCING2" in port.short())
        await venue.lines[0].send(trade(7), diff(3, 3))
        await port.until(lambda: port.short().endswith("3-3 VALID2"))
        assert (client.counts.connects, client.counts.disconnects) == (1, {})
        assert port.feed.counts().trades == 1

    # A snapshot from before a diff that crosses is of no use: the book behind it is crossed again.
    play(tmp_path, [synced], [snapshot(book(0)), snapshot(book(1)), snapshot(book(2))], test)


def listing(status: str = "TRADING", tick_size: str = "0.10000000") -> bytes:
    """The answer of exchangeInfo."""
    filters = [
        {"filterType": "PRICE_FILTER", "tickSize": tick_size, "minPrice": "0.1", "maxPrice": "100000"},
        {"filterType": "LOT_SIZE", "stepSize": "0.00100000", "minQty": "0.001", "maxQty": "9000"},
    ]
    listed = {"symbol": "ETHUSDT", "status": status, "baseAsset": "ETH", "quoteAsset": "USDT", "filters": filters}
    return json.dumps({"symbols": [listed]}).encode()


def listed(definition_s: float, test: Callable[[Venue, Port], Awaitable[None]]) -> Port:
    """A client that asks so often for the trading rules, and a test beside it."""

    async def run() -> Port:
        port = Port()
        feed: Any = port.feed
        async with Venue("ETHUSDT", [synced], [snapshot(book(0))]) as venue, Rest(f"http://{venue.url}") as rest:
            venue.info_reply = answer(200, listing())
            options: dict[str, Any] = {"needs_definition": lambda: feed.needs_definition}
            client = BinanceClient(
                "ETHUSDT",
                msgspec.structs.replace(impatient(venue), definition_s=definition_s),
                rest,
                port.take,
                lambda: port.feed.sync.needs_snapshot,
                clock_ns=lambda: FIRST_NS + len(port.frames),
                **options,
            )
            running = asyncio.create_task(client.run())
            await test(venue, port)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        return port

    return asyncio.run(run())


def test_a_symbol_that_is_halted_is_stale_until_it_trades_again() -> None:
    async def test(venue: Venue, port: Port) -> None:
        await port.until(lambda: "VALID1" in port.short())
        for status, expected in [("HALT", "STALE1"), ("BREAK", "STALE1 STALE1"), ("TRADING", "STALE1 STALE1 VALID1")]:
            venue.info_reply = answer(200, listing(status))
            await port.until_published(expected)
        assert len(venue.lines) == 1  # nothing is wrong with the connection

    listed(0.02, test)


def test_a_finer_tick_requests_the_rules_at_once_and_ends_the_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mm_venues.binance.fetching.DEFINITION_S_MIN", 0.01)

    async def test(venue: Venue, port: Port) -> None:
        await port.until(lambda: "VALID1" in port.short() and any(b"symbols" in frame for _, frame in port.frames))
        venue.info_reply = answer(200, listing(tick_size="0.01000000"))
        await venue.lines[0].send(trade(1).replace(b"2450.10000000", b"2450.15000000"))
        feed: Any = port.feed
        await port.until(lambda: bool(feed.definition_changed))
        assert feed.definition_changed == "tick size 0.1 -> 0.01"
        await venue.lines[0].send(diff(2, 2))
        before = len(port.events)
        await venue.lines[0].pings(3)
        assert len(port.events) == before

    assert "2-2" not in listed(600.0, test).short()


def test_a_storm_of_snapshots_stays_within_a_fifth_of_what_the_venue_allows() -> None:
    async def run() -> None:
        async with Venue("ETHUSDT", [silence], [snapshot(book(0))]) as venue, Rest(f"http://{venue.url}") as rest:
            calls = [asyncio.create_task(rest.depth("ETHUSDT", 5_000)) for _ in range(30)]
            await venue.until(lambda: venue.depth_requests == 4)  # 1,000 of 1,200 a minute
            for _ in range(1_000):
                await asyncio.sleep(0)
            assert venue.depth_requests == 4
            for call in calls:
                call.cancel()
            ended = await asyncio.gather(*calls, return_exceptions=True)
            assert sum(isinstance(each, tuple) for each in ended) <= 4
            assert {type(each) for each in ended} <= {tuple, asyncio.CancelledError}

    asyncio.run(run())
