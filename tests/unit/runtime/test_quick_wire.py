"""Bytes of nats-server, cut anywhere: subscribers at once receive theirs in order, and nats-py reads the rest."""

import asyncio
from collections.abc import Coroutine
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm_bus.quick_wire import QuickWire, Subscriber

HEADERS = b"NATS/1.0\r\nMm-Label: a\r\n\r\n"
GREETING = b'INFO {"server_id":"x"}\r\n'
AT_ONCE = 7
Message = tuple[bytes, bytes, bytes, bytes]
BODIES = st.sampled_from([b"", b"x", b"\r\n", b"MSG a 7 3\r\nabc", b"PING\r\n", bytes(300)])
MESSAGES = st.tuples(
    st.sampled_from([b"a", b"a.b.c"]), st.sampled_from([b"", b"_INBOX.r"]), st.sampled_from([b"", HEADERS]), BODIES
)
# What comes: a message to be delivered at once, one of a subscription with a queue, or a line of the protocol.
PARTS = st.one_of(
    st.tuples(st.just(AT_ONCE), MESSAGES),
    st.tuples(st.just(8), MESSAGES),
    st.tuples(st.just(0), st.sampled_from([b"PING\r\n", b"PONG\r\n", b"+OK\r\n", GREETING])),
)


def encoded(sid: int, message: Message) -> bytes:
    subject, reply, headers, data = message
    sizes = [b"%d" % len(headers), b"%d" % (len(headers) + len(data))] if headers else [b"%d" % len(data)]
    fields = [b"HMSG" if headers else b"MSG", subject, b"%d" % sid, *([reply] if reply else []), *sizes]
    return b" ".join(fields) + b"\r\n" + headers + data + b"\r\n"


class Wire:
    """Stands for the transport of asyncio."""

    def __init__(self) -> None:
        self.is_reading = True

    def pause_reading(self) -> None:
        """Hold the server back."""
        self.is_reading = False

    def resume_reading(self) -> None:
        """Read on."""
        self.is_reading = True

    def is_closing(self) -> bool:
        """False: it is open."""
        return False


async def opened(subscriber: Subscriber) -> tuple[QuickWire, Wire, set[asyncio.Task[None]]]:
    """A connection behind its greeting, and what waits on it."""
    waiting: set[asyncio.Task[None]] = set()
    quick, wire = QuickWire({AT_ONCE: subscriber}, waiting), Wire()
    quick.connection_made(wire)  # type: ignore[arg-type]
    quick.data_received(GREETING)
    assert await quick.read_line() == GREETING
    quick.data_received(b"PING\r\n")
    assert await quick.read() == b"PING\r\n"
    return quick, wire, waiting


@given(parts=st.lists(PARTS, max_size=12), cuts=st.lists(st.integers(0, 4000), max_size=8), turns=st.integers(0, 3))
def test_wherever_the_bytes_are_cut_the_same_is_delivered_and_left(
    parts: list[tuple[int, Any]], cuts: list[int], turns: int
) -> None:
    stream = b"".join(part if sid == 0 else encoded(sid, part) for sid, part in parts)
    received: list[Message] = []

    async def receive(subject: bytes, reply: bytes, headers: bytes, data: bytes) -> None:
        for _ in range(turns if len(received) % 2 else 0):
            await asyncio.sleep(0)
        received.append((subject, reply, headers, data))

    async def run() -> bytes:
        quick, _, waiting = await opened(receive)
        places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
        for start, end in pairwise(places):
            quick.data_received(stream[start:end])
        while waiting:
            await asyncio.wait(waiting)
            await asyncio.sleep(0)
        quick.eof_received()
        return await quick.read()

    left = asyncio.run(run())
    assert received == [part for sid, part in parts if sid == AT_ONCE]
    assert left == b"".join(part if sid == 0 else encoded(sid, part) for sid, part in parts if sid != AT_ONCE)


def test_nothing_is_read_while_a_subscriber_waits_and_the_server_is_held_back() -> None:
    async def run() -> None:
        released, received = asyncio.Event(), []

        async def receive(_subject: bytes, _reply: bytes, _headers: bytes, data: bytes) -> None:
            if data == b"first":
                await released.wait()
            received.append(data)

        quick, wire, waiting = await opened(receive)
        big = bytes(2 << 20)
        quick.data_received(encoded(AT_ONCE, (b"a", b"", b"", b"first")))
        assert len(waiting) == 1
        quick.data_received(encoded(AT_ONCE, (b"a", b"", b"", big)) + b"PING\r\n")
        assert not wire.is_reading
        assert not received
        released.set()
        assert await quick.read() == b"PING\r\n"
        assert received == [b"first", big]
        assert wire.is_reading
        assert not waiting

    asyncio.run(run())


@pytest.mark.parametrize("is_cancelled", [True, False])
def test_what_a_subscriber_waits_for_may_fail(is_cancelled: bool) -> None:
    async def run() -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        ends: list[str] = []

        async def receive(*_: bytes) -> None:
            try:
                await future
            except (ValueError, asyncio.CancelledError) as error:
                ends.append(type(error).__name__)

        quick, _, waiting = await opened(receive)
        quick.data_received(encoded(AT_ONCE, (b"a", b"", HEADERS, b"x")))
        (task,) = waiting
        await asyncio.sleep(0)
        if is_cancelled:
            task.cancel()
        else:
            future.set_exception(ValueError)
        await asyncio.wait([task])
        assert ends == ["CancelledError" if is_cancelled else "ValueError"]

    asyncio.run(run())


def test_the_end_of_the_connection_ends_every_wait() -> None:
    async def run() -> None:
        quick, _, _ = await opened(_nothing)
        reading: Coroutine[Any, Any, bytes] = quick.read()
        waits = asyncio.create_task(reading)
        quick.pause_writing()
        draining = asyncio.create_task(quick.drain())
        await asyncio.sleep(0)
        quick.connection_lost(None)
        assert await waits == b""
        assert quick.is_at_end
        with pytest.raises(ConnectionResetError):
            await draining
        await quick.wait_closed()

    asyncio.run(run())


async def _nothing(*_: bytes) -> None:
    return
