"""Faults of connections and answers, played by a venue on loopback against the live client."""

import asyncio
import logging
import socket
import struct
from pathlib import Path

import msgspec
import pytest
from aiohttp import web
from tests.venue.market import ETH, FIRST_NS, Port, book, diff, impatient, running, trade
from tests.venue.play import SYNCED, SYNCED_AGAIN, play, synced, then
from tests.venue.replayed import by_file, replaying, without_recv
from tests.venue.venue import Line, Reply, Session, Venue, answer, never, silence, snapshot

from mm_core.events import InstrumentDefined
from mm_venues.binance.client import BinanceClient
from mm_venues.binance.rest import Rest, RestError
from mm_venues.binance.venue.market import Sent

BTC = InstrumentDefined(
    instrument_id="binance.BTCUSDT", ts_ns=0, venue_symbol="BTCUSDT", tick_size="0.1", lot_size="0.001"
)


def test_one_stale_snapshot_again_and_again_never_makes_a_book(tmp_path: Path) -> None:
    async def test(venue: Venue, port: Port, client: BinanceClient) -> None:
        await venue.until(lambda: venue.depth_requests == 8)
        await venue.lines[0].send(diff(10, 10))
        await port.until_published("SYNCING1 snapshot7 8-9 10-10 VALID1")
        assert port.feed.counts().snapshots_refused == 8
        assert port.feed.counts().depth_dropped == 0
        assert client.counts.disconnects == {}

    play(tmp_path, [then(diff(8, 9))], [snapshot(book(5))] * 8 + [snapshot(book(7))], test)


def test_a_stale_snapshot_is_requested_again_only_after_a_pause() -> None:
    async def run() -> None:
        port = Port()
        async with Venue("ETHUSDT", [then(diff(8, 8))], [snapshot(book(5))]) as venue:
            slow = msgspec.structs.replace(impatient(venue, 30.0), snapshot_s_min=300.0, backoff_s_max=600.0)
            async with running(venue, port, slow) as client:
                await port.until(lambda: port.feed.counts().snapshots_refused == 1)
                await venue.lines[0].send(*(diff(at, at) for at in range(9, 40)))
                await port.until(lambda: port.feed.counts().depth_received == 32)
                await venue.lines[0].pings(20)
                assert (venue.depth_requests, client.counts.snapshots_requested) == (1, 1)

    asyncio.run(run())


def test_diffs_that_wait_for_a_late_snapshot_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mm_venues.binance.sync.BUFFERED_DIFFS_MAX", 20)
    released = asyncio.Event()

    async def late(request: web.Request) -> web.StreamResponse:
        await released.wait()
        return await snapshot(book(10))(request)

    async def test(venue: Venue, port: Port, _client: BinanceClient) -> None:
        await venue.until(lambda: venue.depth_requests == 1)
        await venue.lines[0].send(*(diff(at, at) for at in range(2, 51)))
        await port.until(lambda: port.feed.counts().depth_received == 50)
        assert port.feed.counts().depth_dropped == 30
        released.set()
        await port.until(lambda: port.feed.sync.is_valid)
        assert port.feed.counts().snapshots_refused == 1  # what followed it was given up
        assert port.short().startswith("SYNCING1 snapshot30 31-31 32-32")
        assert port.short().endswith("50-50 VALID1")

    play(tmp_path, [synced], [late, snapshot(book(30))], test)


def market_of(symbol: str) -> list[tuple[int, bytes]]:
    """Frames of one of two symbols that run side by side."""
    frames = [trade(1), diff(1, 1), book(0), *(diff(at, at) for at in range(2, 80)), trade(2)]
    for name in (str.upper, str.lower):
        frames = [frame.replace(name("ETHUSDT").encode(), name(symbol).encode()) for frame in frames]
    return [(FIRST_NS + at * 1_000_000, frame) for at, frame in enumerate(frames)]


def test_another_symbol_loses_nothing_while_one_synchronises_anew() -> None:
    def lossy(sent: Sent) -> list[Sent]:
        return [] if b'"s":"ETHUSDT"' in sent.payload and b'"u":20,' in sent.payload else [sent]

    eth, btc = Port(ETH), Port(BTC)

    async def run() -> None:
        markets = ((ETH, market_of("ETHUSDT")), (BTC, market_of("BTCUSDT")))
        async with (
            replaying(*markets, tamper=lossy, speed=0.2) as venue,
            running(venue, btc, impatient(venue, 30.0), "BTCUSDT"),
            running(venue, eth, impatient(venue, 30.0), "ETHUSDT"),
        ):
            await eth.until(lambda: "VALID2" in eth.short())
            await btc.until(lambda: btc.feed.counts().trades == 2)

    asyncio.run(run())
    assert "19-19 GAP1 SYNCING2" in eth.short()
    _, by_itself = by_file(BTC, market_of("BTCUSDT"))
    expected, events = (
        [event for event in without_recv(all_events) if not isinstance(event, InstrumentDefined)]
        for all_events in (by_itself, btc.events)
    )
    assert events[: len(expected)] == expected
    assert btc.feed.counts().gaps == 0


def test_a_stream_that_never_begins_is_named_while_the_others_go_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def test(venue: Venue, port: Port, client: BinanceClient) -> None:
        await port.until_published(SYNCED)
        with caplog.at_level(logging.WARNING):
            while "nothing in 0.4 s on" not in caplog.text:
                await venue.lines[0].received()  # pings of the client, each after half of that time
        assert "nothing in 0.4 s on ethusdt@trade, ethusdt@bookTicker" in caplog.text
        await venue.lines[0].send(diff(2, 2))
        await port.until_published("2-2")
        assert (len(venue.lines), client.counts.disconnects) == (1, {})

    play(tmp_path, [synced], [snapshot(book(0))], test, silence_s_max=0.4)


@pytest.mark.parametrize("code", [1000, 1001, 1011, 1012, 1013, "end of file", "reset"])
def test_every_end_of_a_connection_is_a_gap_and_is_healed(tmp_path: Path, code: int | str) -> None:
    async def end(line: Line) -> None:
        await synced(line)
        await ports[0].until_published(SYNCED)
        if code == "reset":
            transport = line._request.transport
            assert transport is not None
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if isinstance(code, int):
            await line.close(code, b"why")
        else:
            line.abort()

    ports: list[Port] = []

    async def test(_venue: Venue, port: Port, client: BinanceClient) -> None:
        ports.append(port)
        await port.until_published(SYNCED_AGAIN)
        assert client.counts.connects == 2
        assert client.counts.disconnects == {"closed" if isinstance(code, int) else "lost": 1}
        assert (port.feed.counts().disconnects, port.feed.counts().gaps) == (1, 0)

    play(tmp_path, [end, then(diff(11, 11))], [snapshot(book(0)), snapshot(book(10))], test)


def test_a_connection_that_is_cut_behind_a_flood_is_taken_up_to_the_cut(tmp_path: Path) -> None:
    async def cut_behind_a_flood(line: Line) -> None:
        await line.send(*(diff(at, at) for at in range(1, 401)))
        line.abort()

    async def test(_venue: Venue, port: Port, client: BinanceClient) -> None:
        await port.until_published("snapshot1000 1001-1001 VALID2")
        assert client.counts.disconnects == {"lost": 1}
        assert port.feed.counts().gaps == 0

    replies: list[Reply] = [never(), snapshot(book(1000))]
    port = play(tmp_path, [cut_behind_a_flood, then(diff(1001, 1001))], replies, test)
    counts = port.feed.counts()
    assert counts.depth_received == counts.depth_applied + counts.depth_dropped


def test_a_venue_that_accepts_and_closes_at_once_gets_no_tight_loop_of_attempts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mm_venues.binance.client.BACKOFF_S_BASE", 300.0)

    async def close(line: Line) -> None:
        await line.close(1001)

    async def run(sessions: list[Session]) -> int:
        port = Port()
        async with Venue("ETHUSDT", sessions, [snapshot(book(0))]) as venue:
            patient = msgspec.structs.replace(impatient(venue), backoff_s_max=600.0)
            async with running(venue, port, patient) as client:
                await venue.until(lambda: len(venue.lines) == 1)
                async with asyncio.timeout(10):
                    while not client.counts.disconnects:  # noqa: ASYNC110 the client signals nothing
                        await asyncio.sleep(0)
                for _ in range(1_000):
                    await asyncio.sleep(0)
                return client.counts.connects

    assert asyncio.run(run([close, silence])) == 1


def test_an_error_page_in_place_of_a_handshake_is_tried_again() -> None:
    async def run() -> None:
        port = Port()
        page = "<html><title>Sign in to this network</title></html>"
        async with Venue("ETHUSDT", [synced], [answer(200, page.encode()), snapshot(book(0))]) as venue:
            for status in (200, 302, 502):
                venue.handshakes_refused.append(web.Response(status=status, text=page, content_type="text/html"))
            async with running(venue, port) as client:
                await port.until_published(SYNCED)
                assert (client.counts.connect_errors, client.counts.snapshot_errors) == (3, 1)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("header", "pause_s"),
    [
        *((text, 60.0) for text in (None, "", "-5", "nan", "soon", "Wed, 21 Oct 2026 07:28:00 GMT")),
        ("7", 7.0),
        *((text, 86_400.0) for text in ("999999999999", "1e300", "inf")),
    ],
)
def test_whatever_retry_after_is_requests_stop_for_a_time_that_ends(header: str | None, pause_s: float) -> None:
    async def run() -> None:
        refused = answer(429, b"", {} if header is None else {"Retry-After": header})
        async with Venue("ETHUSDT", [silence], [refused]) as venue, Rest(f"http://{venue.url}") as rest:
            for _ in range(3):
                with pytest.raises(RestError) as error:
                    await rest.depth("ETHUSDT", 5)
                assert pause_s - 5.0 < error.value.retry_s <= pause_s
            assert venue.depth_requests == 1

    asyncio.run(run())
