"""When the live client gives a connection up, when it does not, and what ends it."""

import asyncio
from pathlib import Path

import pytest
from aiohttp import web
from tests.venue.market import Port, book, client_of, diff, impatient, running
from tests.venue.play import SYNCED, SYNCED_AGAIN, play, synced, then
from tests.venue.venue import Line, Venue, answer, silence, snapshot

from mm_core.types import InputError
from mm_venues.binance.client import BinanceClient
from mm_venues.binance.rest import Rest, RestError
from mm_venues.settings import VenueSettings


def test_a_dead_connection_is_given_up(tmp_path: Path) -> None:
    async def deaf(line: Line) -> None:
        line.is_deaf = True
        await line.send(diff(1, 1))

    async def test(_venue: Venue, port: Port, client: BinanceClient) -> None:
        await port.until_published(SYNCED_AGAIN)
        assert client.counts.disconnects == {"silent": 1}

    play(tmp_path, [deaf, then(diff(11, 11))], [snapshot(book(0)), snapshot(book(10))], test, silence_s_max=0.6)


def test_a_quiet_market_is_no_reason_to_reconnect(tmp_path: Path) -> None:
    async def test(venue: Venue, port: Port, client: BinanceClient) -> None:
        await port.until_published(SYNCED)
        for payload in (b"1790000000123", b"1790000020123"):
            await venue.lines[0].ping(payload)
        while len(venue.lines[0].pinged) < 3:  # each after half of the silence that would be too long
            await venue.lines[0].received()
        assert (len(venue.lines), client.counts.disconnects, venue.lines[0].pongs[-1]) == (1, {}, b"1790000020123")

    play(tmp_path, [synced], [snapshot(book(0))], test, silence_s_max=1.0)


def test_a_market_that_has_not_begun_is_waited_for(tmp_path: Path) -> None:
    async def info(request: web.Request) -> web.StreamResponse:
        requested.set()
        return await answer(200, b"{}")(request)

    requested = asyncio.Event()

    async def test(venue: Venue, port: Port, _client: BinanceClient) -> None:
        venue.info_reply = info
        async with asyncio.timeout(10):
            await requested.wait()
        await venue.lines[0].send(diff(1, 1))
        await port.until_published(SYNCED)
        assert len(venue.lines) == 1

    play(tmp_path, [silence], [snapshot(book(0))], test, silence_s_max=0.2)


def test_an_unknown_symbol_is_one_clear_line() -> None:
    async def run() -> None:
        port = Port()
        async with Venue("ETHUSDT", [synced], [snapshot(book(0))]) as venue, Rest(f"http://{venue.url}") as rest:
            client = client_of(port, impatient(venue, 0.1), rest, "ETHUSTD")
            async with asyncio.timeout(10):
                await client.run()

    with pytest.raises(InputError, match=r"^ETHUSTD: Binance knows no such symbol; expected one of Binance Spot"):
        asyncio.run(run())


def test_a_refused_connection_is_tried_again() -> None:
    async def run() -> Port:
        port = Port()
        async with Venue("ETHUSDT", [synced], [snapshot(book(0))]) as venue:
            venue.handshakes_refused += [web.Response(status=503)]
            venue.handshakes_refused += [web.Response(status=403, headers={"Retry-After": "0.01"})]
            venue.handshakes_refused += [web.Response(status=429, headers={"Retry-After": "0.01"})]
            async with running(venue, port) as client:
                await port.until_published(SYNCED)
                assert (client.counts.connect_errors, client.counts.connects) == (3, 1)
        return port

    assert asyncio.run(run()).short() == f"{SYNCED} GAP1 SYNCING2"


@pytest.mark.parametrize(
    ("status", "header", "expected"),
    [(429, "300", 300), (418, "", 60), (403, "", 60), (503, "300", 300), (503, "", 0), (500, "300", 0)],
)
def test_a_venue_that_demands_a_pause_gets_no_request_at_all(status: int, header: str, expected: int) -> None:
    async def run() -> tuple[float, int]:
        port = Port()
        async with Venue("ETHUSDT", [silence], []) as venue, Rest(f"http://{venue.url}") as rest:
            venue.handshakes_refused.append(web.Response(status=status, headers={"Retry-After": header}))
            assert await client_of(port, impatient(venue), rest)._try_open() is None
            if expected:
                with pytest.raises(RestError, match="the venue demands a pause"):
                    await rest.depth("ETHUSDT", 5)
            return rest.pause_s, venue.depth_requests

    pause_s, requested = asyncio.run(run())
    assert (round(pause_s / 5) * 5, requested) == (expected, 0)


def test_a_connection_that_lives_stays_while_rest_is_banned(tmp_path: Path) -> None:
    async def test(venue: Venue, port: Port, client: BinanceClient) -> None:
        await port.until_published(SYNCED)
        client.request_snapshot()
        await venue.until(lambda: venue.depth_requests == 2)
        await venue.lines[0].send(diff(2, 2))
        await port.until_published("2-2")
        assert (len(venue.lines), client.counts.disconnects) == (1, {})

    play(tmp_path, [synced], [snapshot(book(0)), answer(418, b"", {"Retry-After": "300"})], test)


def test_reconnecting_is_slower_each_time_until_a_connection_has_lasted_a_minute() -> None:
    client = client_of(Port(), VenueSettings(backoff_s_max=3.0), Rest("http://127.0.0.1"))
    connections = [
        *((0.1, None, 0.5), (0.1, None, 1.0), (59.0, None, 2.0), (0.1, None, 3.0), (0.1, None, 3.0)),
        (0.1, 7.0, 7.0),  # the venue demanded it
        (0.1, 0.0, 3.0),  # a server that shuts down again and again
        *((60.0, None, 0.5), (0.1, None, 1.0), (3_600.0, 0.0, 0.0), (0.1, None, 0.5)),
    ]
    assert [client._delay_s(lived_s, required_s) for lived_s, required_s, _ in connections] == [
        expected for _, _, expected in connections
    ]


def test_a_broken_invariant_in_the_port_stops_the_client() -> None:
    def broken(_recv_ns: int, _frame: bytes) -> None:
        calls.append(1)
        raise AssertionError("broken")

    calls: list[int] = []

    async def run() -> None:
        async with Venue("ETHUSDT", [synced], [snapshot(book(0))]) as venue, Rest(f"http://{venue.url}") as rest:
            async with asyncio.timeout(10):
                await BinanceClient("ETHUSDT", impatient(venue), rest, broken, lambda: True).run()

    with pytest.raises(AssertionError, match="broken"):
        asyncio.run(run())
    assert calls == [1]


@pytest.mark.parametrize("url", ["127.0.0.1:1", "http://127.0.0.1"])
def test_an_address_that_is_none_is_one_clear_line(url: str) -> None:
    async def run() -> None:
        async with Rest("http://127.0.0.1") as rest:
            await BinanceClient(
                "ETHUSDT", VenueSettings(ws_url=url), rest, lambda _ns, _frame: None, lambda: True
            ).run()

    with pytest.raises(InputError, match=r"^ws_url '.*': expected an address such as wss://"):
        asyncio.run(run())
