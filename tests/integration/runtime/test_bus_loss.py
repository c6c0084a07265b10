"""A connection that dies in ways that a real nats-server rarely shows: it comes back, or its owner is notified."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import nats.errors
import pytest
import uvloop
from tests.integration.runtime.group import until
from tests.integration.runtime.server import Server

from mm_bus.bus import Bus
from mm_bus.nats_server import HOST, free_port
from mm_core.types import UnavailableError

INFO = b'INFO {"server_id":"X","version":"2.15.1","proto":1,"max_payload":1048576,"headers":true}\r\n'
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
PATIENCE_S = 20.0


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """As a nats-server greets, and answers pings until the other side ends."""
    writer.write(INFO)
    while line := await reader.readline():
        if line.startswith(b"PING"):
            writer.write(b"PONG\r\n")


async def greet_and_close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Greet, and close at once."""
    writer.write(INFO)


async def greet_and_reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Greet, and reset the connection."""
    writer.write(INFO)
    await writer.drain()
    writer.transport.abort()


async def send_nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Greet, answer the first ping, and send what no server sends."""
    writer.write(INFO)
    while line := await reader.readline():
        if line.startswith(b"PING"):
            writer.write(b"PONG\r\nMSG a b c d e f\r\n")


async def drop_soon(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Greet, answer the first ping, and close."""
    writer.write(INFO)
    while line := await reader.readline():
        if line.startswith(b"PING"):
            writer.write(b"PONG\r\n")
            return


class FakeServer:
    """Serves each connection as the next of `ways`, and the ones behind them as a server does."""

    def __init__(self, *ways: Serve) -> None:
        self.port = free_port(0, "port")
        self.url = f"nats://{HOST}:{self.port}"
        self.served = 0
        self._ways = ways

    async def on_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection in its way."""
        way = self._ways[self.served] if self.served < len(self._ways) else serve
        self.served += 1
        try:
            await way(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def fake(*ways: Serve) -> AsyncIterator[FakeServer]:
    """A server that serves while the block runs."""
    server = FakeServer(*ways)
    listening = await asyncio.start_server(server.on_connection, HOST, server.port)
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield server
    finally:
        listening.close()


@pytest.mark.parametrize("way", [greet_and_close, greet_and_reset, send_nonsense], ids=lambda way: way.__name__)
def test_a_server_that_greets_and_disconnects_is_tried_again(way: Serve) -> None:
    async def run() -> tuple[int, bool]:
        bus = Bus()
        async with fake(drop_soon, *[way] * 5) as server:
            await bus.connect(server.url, "test")
            await until(lambda: (server.served > 6 and bus.is_connected) or bus.failed.done())
            await bus.client.flush(timeout=2)
            await bus.close()
            return server.served, bus.failed.done()

    served, failed = uvloop.run(run())
    assert served >= 7
    assert not failed


async def read_no_more(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Greet, answer the first ping, and take nothing from then on."""
    writer.write(INFO)
    while not (await reader.readline()).startswith(b"PING"):
        pass
    writer.write(b"PONG\r\n")
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    await asyncio.sleep(PATIENCE_S)


def test_a_server_that_takes_nothing_is_left_for_the_next_connection() -> None:
    async def run() -> None:
        bus = Bus()
        async with fake(read_no_more) as server:
            await bus.connect(server.url, "test")
            for _ in range(64):
                await bus.publish("x", bytes(1 << 20))
            await bus.client._process_op_err(ConnectionResetError())
            await until(lambda: server.served == 2 and bus.is_connected)
            await bus.close()

    uvloop.run(run())


@pytest.mark.parametrize("task", ["_reading_task", "_ping_interval_task"])
def test_a_client_whose_tasks_end_silently_reconnects(task: str) -> None:
    async def run() -> int:
        bus = Bus()
        async with fake() as server:
            await bus.connect(server.url, "test")
            getattr(bus.client, task).cancel()
            await until(lambda: server.served == 2 and bus.is_connected)
            await bus.client.flush(timeout=2)
            await bus.close()
            return bus.revivals

    assert uvloop.run(run()) == 1


async def answer_the_second_ping_late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """As a server that stood still: the answer comes when nobody waits for it any more."""
    writer.write(INFO)
    pings = 0
    while line := await reader.readline():
        if line.startswith(b"PING"):
            pings += 1
            await asyncio.sleep(0.5 if pings == 2 else 0.0)
            writer.write(b"PONG\r\n")


def test_an_answer_to_a_flush_that_was_given_up_ends_nothing() -> None:
    async def run() -> tuple[int, int]:
        bus = Bus()
        async with fake(answer_the_second_ping_late) as server:
            await bus.connect(server.url, "test")
            with pytest.raises(nats.errors.TimeoutError):
                await bus.client.flush(timeout=0.1)  # type: ignore[arg-type]
            await bus.client.flush(timeout=5)
            assert bus.client._reading_task is not None
            assert not bus.client._reading_task.done()
            await bus.close()
            return server.served, bus.revivals

    assert uvloop.run(run()) == (1, 0)


def test_a_publish_into_a_connection_that_just_died_fails_nobody() -> None:
    async def run() -> bool:
        bus = Bus()
        async with fake() as server:
            await bus.connect(server.url, "test")
            bus.client._quick_transport._quick.wire.abort()
            await bus.publish("x", b"1")
            await until(lambda: server.served == 2 and bus.is_connected)
            await bus.close()
            return bus.failed.done()

    assert not uvloop.run(run())


def test_without_a_server_a_connection_is_unavailable_and_one_that_waits_comes_with_it(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mm_bus.bus.CONNECT_S", 0.5)
    server.kill()

    async def run() -> None:
        with pytest.raises(UnavailableError, match=r"\[bus\] url nats://\S+: .*; expected a running nats-server"):
            await Bus().connect(server.url, "test")
        bus = Bus()
        waiting = asyncio.create_task(bus.connect_until(server.url, "test"))
        await asyncio.to_thread(server.start)
        async with asyncio.timeout(PATIENCE_S):
            await waiting
        await bus.client.flush(timeout=2)
        await bus.close()

    uvloop.run(run())


def test_a_connecting_that_fails_leaves_no_socket_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mm_bus.bus.CONNECT_S", 0.5)
    is_ended = asyncio.Event()

    async def greet_and_wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(INFO)
        while await reader.read(1000):
            pass
        is_ended.set()

    async def run() -> None:
        bus = Bus()
        async with fake(*[greet_and_wait] * 2) as server:
            with pytest.raises(UnavailableError, match="no answer"):
                await bus.connect(server.url, "test")
            async with asyncio.timeout(PATIENCE_S):
                await is_ended.wait()

    uvloop.run(run())
