"""Faults below the frames: fragments, pings between them, compression, a flood of pings, certificates and names."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
import trustme
from tests.venue.market import Port, book, diff, impatient, running, trade
from tests.venue.play import SYNCED
from tests.venue.venue import WAIT_S_MAX
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from mm_venues.binance.client import BinanceClient
from mm_venues.binance.rest import Rest, RestError


class Address(NamedTuple):
    """Where a server is, without a scheme."""

    url: str


Session = Callable[[ServerConnection], Awaitable[None]]


@asynccontextmanager
async def serving(session: Session, tls: ssl.SSLContext | None = None) -> AsyncIterator[Address]:
    """A venue that plays one session to whoever connects and has the snapshot at 0."""

    def rest(connection: ServerConnection, request: Request) -> Response | None:
        if request.path.startswith("/stream"):
            return None
        if "/depth" in request.path:
            return connection.respond(HTTPStatus.OK, book(0).decode())
        return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "")

    async def play(connection: ServerConnection) -> None:
        await session(connection)
        await connection.wait_closed()

    async with serve(play, "127.0.0.1", 0, process_request=rest, ssl=tls) as server:
        yield Address(f"127.0.0.1:{server.sockets[0].getsockname()[1]}")


async def first_diff(connection: ServerConnection) -> None:
    """Send what leads to SYNCED."""
    await connection.send(diff(1, 1).decode())


def follow(session: Session, test: Callable[[Port, BinanceClient], Awaitable[None]]) -> None:
    """A client of such a venue, and a test beside it."""

    async def run() -> None:
        port = Port()
        async with asyncio.timeout(WAIT_S_MAX), serving(session) as venue, running(venue, port) as client:
            await test(port, client)

    asyncio.run(run())


@pytest.mark.parametrize("size", [1, 7, 60])
def test_fragments_with_pings_between_them_are_one_frame(size: int) -> None:
    pongs = 0

    async def session(connection: ServerConnection) -> None:
        async def parts(frame: str) -> AsyncIterator[str]:
            nonlocal pongs
            for at in range(0, len(frame), size):
                yield frame[at : at + size]
                await (await connection.ping(b"%d" % at))
                pongs += 1

        for frame in (diff(1, 1), trade(1), diff(2, 2)):
            await connection.send(parts(frame.decode()))

    async def test(port: Port, client: BinanceClient) -> None:
        await port.until(lambda: port.feed.counts().depth_applied == 2)
        assert (port.feed.counts().trades, client.counts.frames, client.counts.bad_frames) == (1, 3, 0)

    follow(session, test)
    assert pongs == sum(-(-len(frame) // size) for frame in (diff(1, 1), trade(1), diff(2, 2)))


def test_compression_is_not_requested_so_that_a_venue_that_has_it_sends_plain_frames() -> None:
    requested: list[str | None] = []

    async def session(connection: ServerConnection) -> None:  # the server's compression is on
        assert connection.request is not None
        requested.append(connection.request.headers.get("Sec-WebSocket-Extensions"))
        await first_diff(connection)

    async def test(port: Port, _client: BinanceClient) -> None:
        await port.until_published(SYNCED)

    follow(session, test)
    assert requested == [None]


def test_a_flood_of_pings_is_answered_and_the_client_sends_no_message_of_its_own() -> None:
    messages: list[str | bytes] = []
    answered = asyncio.Event()

    async def session(connection: ServerConnection) -> None:
        await first_diff(connection)
        for pong in [await connection.ping(b"%d" % at) for at in range(500)]:
            await pong
        await connection.send(diff(2, 2).decode())
        answered.set()
        with suppress(ConnectionClosed):
            while True:
                messages.append(await connection.recv())

    async def test(port: Port, client: BinanceClient) -> None:
        await answered.wait()
        await port.until(lambda: port.feed.counts().depth_applied == 2)
        assert client.counts.disconnects == {}

    follow(session, test)
    assert messages == []  # the address names the streams: nothing to subscribe to


YEAR = timedelta(days=365)
FAR = trustme.CA()  # that nobody trusts
CERTIFICATES: dict[str, Callable[[trustme.CA], trustme.LeafCert]] = {
    "unknown authority": lambda _: FAR.issue_cert("127.0.0.1"),
    "expired": lambda ca: ca.issue_cert(
        "127.0.0.1", not_before=datetime.now(UTC) - 2 * YEAR, not_after=datetime.now(UTC) - YEAR
    ),
    "another host": lambda ca: ca.issue_cert("venue.example"),
}


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """A certificate authority that this machine trusts."""
    ca = trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return ca


@pytest.mark.parametrize("fault", CERTIFICATES)
def test_a_certificate_that_does_not_hold_is_never_accepted_and_tried_again(
    fault: str, authority: trustme.CA, caplog: pytest.LogCaptureFixture
) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    CERTIFICATES[fault](authority).configure_cert(tls)

    async def run() -> None:
        port = Port()
        async with serving(first_diff, tls) as venue, serving(first_diff) as plain:
            endpoints = msgspec.structs.replace(impatient(plain), ws_url=f"wss://{venue.url}")
            async with asyncio.timeout(WAIT_S_MAX), running(venue, port, endpoints) as client:
                while client.counts.connect_errors < 2:  # noqa: ASYNC110 the client signals nothing
                    await asyncio.sleep(0.01)
                assert (client.counts.connects, client.counts.frames) == (0, 0)
                authority.issue_cert("127.0.0.1").configure_cert(tls)  # the venue has mended it
                await port.until_published(SYNCED)

    asyncio.run(run())
    assert "certificate verify failed" in caplog.text


def test_a_server_without_tls_is_not_spoken_to_in_plain_text() -> None:
    async def run() -> None:
        port = Port()
        async with serving(first_diff) as venue:
            endpoints = msgspec.structs.replace(impatient(venue), ws_url=f"wss://{venue.url}")
            async with asyncio.timeout(WAIT_S_MAX), running(venue, port, endpoints) as client:
                while client.counts.connect_errors < 2:  # noqa: ASYNC110 the client signals nothing
                    await asyncio.sleep(0.01)
                assert (client.counts.connects, client.counts.frames) == (0, 0)

    asyncio.run(run())


def test_rest_refuses_a_certificate_that_does_not_hold() -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    FAR.issue_cert("127.0.0.1").configure_cert(tls)

    async def run() -> None:
        async with serving(first_diff, tls) as venue, Rest(f"https://{venue.url}") as rest:
            await rest.depth("ETHUSDT", 5)

    with pytest.raises(RestError, match="certificate verify failed"):
        asyncio.run(run())


def test_a_name_that_does_not_resolve_is_looked_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    host, failures = "stream.venue.test", 4
    resolve = socket.getaddrinfo

    def getaddrinfo(name: Any, *args: Any, **options: Any) -> Any:
        nonlocal failures
        if name != host:
            return resolve(name, *args, **options)
        if failures:
            failures -= 1
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return resolve("127.0.0.1", *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    async def run() -> None:
        port = Port()
        async with asyncio.timeout(WAIT_S_MAX), serving(first_diff) as venue:
            named = Address(venue.url.replace("127.0.0.1", host))
            async with running(named, port) as client:
                await port.until_published(SYNCED)
                assert (client.counts.connects, failures) == (1, 0)
                assert client.counts.connect_errors + client.counts.snapshot_errors > 0

    asyncio.run(run())
