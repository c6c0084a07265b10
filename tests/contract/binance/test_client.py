"""The live client against a venue on loopback: every way to lose a book, and the way back."""

import asyncio
from pathlib import Path

import pytest
from tests.venue.market import Port, book, diff, running, trade
from tests.venue.play import SYNCED, SYNCED_AGAIN, play, synced, then
from tests.venue.venue import Line, Reply, Venue, answer, never, snapshot

from mm_venues import control
from mm_venues.binance.client import BinanceClient
from mm_venues.settings import VenueSettings


def test_a_snapshot_is_fetched_after_the_first_diff_and_the_book_is_valid(tmp_path: Path) -> None:
    async def test(venue: Venue, port: Port, client: BinanceClient) -> None:
        await port.until(lambda: len(port.frames) == 1)  # the trade: no reason to ask for anything
        await venue.lines[0].pings(3)
        assert (venue.depth_requests, client.counts.snapshots_requested) == (0, 0)
        await venue.lines[0].send(diff(1, 1))
        await port.until_published(SYNCED)
        await venue.lines[0].send(diff(2, 4))
        await port.until_published("2-4")
        path = "/stream?streams=ethusdt@depth@100ms/ethusdt@trade/ethusdt@bookTicker"
        assert (venue.depth_requests, venue.lines[0].path_qs) == (1, path)
        assert venue.queries == [{"symbol": "ETHUSDT", "limit": "5000"}]
        assert (client.counts.frames, client.counts.snapshots_requested) == (3, 1)
        assert client.counts.bytes == len(trade(5) + diff(1, 1) + diff(2, 4))

    port = play(tmp_path, [then(trade(5))], [snapshot(book(0))], test)
    assert port.short() == f"{SYNCED} 2-4 GAP1 SYNCING2"
    assert port.frames[-1][1] == control.disconnected("stopped")


CLOSES = {"closed": (1001, b"going away"), "policy": (1008, b"too many requests")}


@pytest.mark.parametrize("way", ["closed", "policy", "lost", "oversized"])
def test_a_lost_connection_voids_the_book_and_the_next_one_proves_it_again(
    tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mm_venues.binance.client.POLICY_S", 0.01)

    async def lose(line: Line) -> None:
        await line.send(diff(1, 1))
        await port_of[0].until_published(SYNCED)
        if way in CLOSES:
            await line.close(*CLOSES[way])
        elif way == "oversized":
            await line.send(b'{"stream":"ethusdt@trade","data":"%b"}' % bytes(5 << 20).replace(b"\0", b"x"))
        else:
            line.abort()

    port_of: list[Port] = []

    async def test(_venue: Venue, port: Port, client: BinanceClient) -> None:
        port_of.append(port)
        await port.until_published(SYNCED_AGAIN)
        assert (client.counts.connects, client.counts.disconnects) == (2, {way: 1})
        assert (port.feed.counts().disconnects, port.feed.counts().gaps) == (1, 0)

    play(tmp_path, [lose, then(diff(11, 11))], [snapshot(book(0)), snapshot(book(10))], test)


def test_a_hole_in_the_ids_is_healed_on_the_same_connection(tmp_path: Path) -> None:
    async def test(venue: Venue, port: Port, client: BinanceClient) -> None:
        await port.until_published(SYNCED)
        await venue.lines[0].send(diff(11, 11))
        await port.until_published(SYNCED_AGAIN)
        assert (client.counts.connects, port.feed.counts().gaps, port.feed.counts().disconnects) == (1, 1, 0)

    play(tmp_path, [synced], [snapshot(book(0)), snapshot(book(10))], test)


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"<html>",
        b"{]\n",
        diff(2, 2)[:70],
        diff(2, 2).replace(b"2450.1", b"NaN"),
        trade(6).replace(b"ETHUSDT", b"BTCUSDT"),
        b"\xff\xfe",
        b'{"stream":"ethusdt@depth@100ms","data":"' + b"x" * 100_000 + b'"}',
    ],
    ids=["empty", "html", "junk", "cut", "nan", "other symbol", "binary", "long"],
)
def test_a_bad_frame_is_counted_recorded_in_quotes_and_followed_by_a_new_snapshot(tmp_path: Path, bad: bytes) -> None:
    async def test(venue: Venue, port: Port, client: BinanceClient) -> None:
        await port.until_published(SYNCED)
        await venue.lines[0].send_binary(bad)
        await port.until_published("GAP1 SYNCING2")
        await venue.lines[0].pings(20)
        assert venue.depth_requests == 1  # not before there is a diff that it can prove
        await venue.lines[0].send(diff(11, 11))
        await port.until_published(SYNCED_AGAIN)
        assert (client.counts.connects, client.counts.bad_frames, client.counts.frames) == (1, 1, 3)

    port = play(tmp_path, [synced], [snapshot(book(0)), snapshot(book(10))], test)
    recorded = next(control.read(frame) for _, frame in port.frames if b"crypto_mm" in frame)
    assert recorded.reason.startswith("bad frame: ")
    assert recorded.frame == bad.decode(errors="backslashreplace")


@pytest.mark.parametrize(
    "failures",
    [
        [answer(500)],
        [answer(429, b'{"code":-1003,"msg":"Too much request weight used"}', {"Retry-After": "0.05"})],
        [answer(418, b"", {"Retry-After": "0.05"}), answer(403, b"<html>", {"Retry-After": "0.05"})],
        [never()],
        [answer(200), answer(200, b"<html>"), answer(200, book(5)[:50]), answer(302, b"", {"Location": "/"})],
    ],
    ids=["500", "429", "418", "no answer", "no snapshot"],
)
def test_a_snapshot_that_fails_is_fetched_again(tmp_path: Path, failures: list[Reply]) -> None:
    async def test(venue: Venue, port: Port, client: BinanceClient) -> None:
        await port.until_published(SYNCED)
        assert venue.depth_requests == len(failures) + 1 == client.counts.snapshots_requested
        assert client.counts.snapshot_errors == len(failures)
        assert (client.counts.connects, client.counts.bad_frames) == (1, 0)

    play(tmp_path, [synced], [*failures, snapshot(book(0))], test)


def test_nothing_is_requested_before_retry_after_is_over(tmp_path: Path) -> None:
    async def test(venue: Venue, port: Port, client: BinanceClient) -> None:
        await venue.until(lambda: venue.depth_requests == 1)
        await venue.lines[0].send(diff(2, 2), diff(3, 3))
        await port.until(lambda: len(port.frames) == 3)
        await venue.lines[0].pings(3)
        assert (venue.depth_requests, client.counts.snapshots_requested) == (1, 1)

    play(tmp_path, [synced], [answer(429, b"", {"Retry-After": "300"})], test)


def test_a_snapshot_that_is_too_old_is_fetched_again_and_the_diffs_stay(tmp_path: Path) -> None:
    async def test(venue: Venue, port: Port, client: BinanceClient) -> None:
        await port.until_published("SYNCING1 snapshot7 8-9 10-10 VALID1")
        assert (venue.depth_requests, client.counts.snapshot_errors) == (4, 0)
        assert port.feed.counts().snapshots_refused == 3

    old = snapshot(book(5))
    play(tmp_path, [then(diff(8, 9), diff(10, 10))], [old, old, old, snapshot(book(7))], test)


def test_the_snapshots_pace_holds_over_lost_connections() -> None:
    async def lose_while_requested(line: Line) -> None:
        await line.send(diff(1, 1))
        await venues[0].until(lambda: venues[0].depth_requests == 1)
        line.abort()

    venues: list[Venue] = []

    async def run() -> None:
        port = Port()
        async with Venue("ETHUSDT", [lose_while_requested, synced], [never()]) as venue:
            venues.append(venue)
            endpoints = VenueSettings(
                ws_url=f"ws://{venue.url}", rest_url=f"http://{venue.url}", snapshot_s_min=300, backoff_s_max=0.05
            )
            async with running(venue, port, endpoints):
                await port.until_published("SYNCING1 SYNCING2")
                await port.until(lambda: len(port.frames) == 3)
                await venue.lines[1].pings(3)
            assert venue.depth_requests == 1

    asyncio.run(run())
