"""The bytes of one connection to nats-server, split into messages as they arrive: some are delivered at once.

Everything else (the greeting, pings, messages of subscriptions with a queue) is left for nats-py to read as it came.
Format: the NATS client protocol, MSG and HMSG.
"""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from types import coroutine
from typing import Any

END = b"\r\n"
MESSAGES = (b"MSG ", b"HMSG ")
READ_AHEAD_MAX = 1 << 20  # bytes buffered while a subscriber waits for something
Subscriber = Callable[[bytes, bytes, bytes, bytes], Coroutine[Any, Any, None]]  # of subject, reply, headers, data


class QuickWire(asyncio.Protocol):
    """One connection. `subscribers`: what takes the messages of a subscription at once, by its number.

    A subscriber is run outside any task until it waits for something, and before anything else is read. While it
    waits it is one of `waiting`; the end of the connection does not end it.
    """

    def __init__(self, subscribers: dict[int, Subscriber], waiting: set[asyncio.Task[None]]) -> None:
        self.wire: Any = None
        self.is_ended = False
        self._subscribers = subscribers
        self._waiting = waiting
        self._arrived = b""
        self._is_split = False  # not before the greeting is over
        self._left = bytearray()  # what nats-py is to read
        self._is_delivering = False
        self._news = asyncio.Event()
        self._writable = asyncio.Event()
        self._closed = asyncio.Event()
        self._writable.set()

    async def read_line(self) -> bytes:
        """A line of the greeting; what came so far if the connection ended."""
        while (end := self._left.find(b"\n")) < 0 and not self.is_ended:
            await self._wait()
        line = self._left[: end + 1] if end >= 0 else self._left[:]
        del self._left[: len(line)]
        return bytes(line)

    async def read(self) -> bytes:
        """What is nats-py's, at the end b"". From here on subscribers take theirs."""
        if not self._is_split:
            self._is_split = True
            greeting, self._left = bytes(self._left), bytearray()
            self.data_received(greeting)
        while not self._left and not self.is_ended:
            await self._wait()
        left, self._left = self._left, bytearray()
        return bytes(left)

    @property
    def is_at_end(self) -> bool:
        """True if nothing more will be read."""
        return self.is_ended and not self._left

    async def drain(self) -> None:
        """Wait until the server takes more. ConnectionResetError if it is disconnected."""
        await self._writable.wait()
        if self.is_ended:
            raise ConnectionResetError("the connection to nats-server is lost")

    async def wait_closed(self) -> None:
        """Wait until the connection is closed."""
        await self._closed.wait()

    async def _wait(self) -> None:
        self._news.clear()
        await self._news.wait()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop: the connection is there."""
        self.wire = transport

    def connection_lost(self, _: Exception | None) -> None:
        """Called by the loop: the connection is lost."""
        self._end()
        self._closed.set()

    def eof_received(self) -> None:
        """Called by the loop: the server sends no more; the loop closes the connection."""
        self._end()

    def _end(self) -> None:
        self.is_ended = True
        self._news.set()
        self._writable.set()

    def pause_writing(self) -> None:
        """Called by the loop: the server reads too slowly."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Called by the loop: the server reads again."""
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        """Deliver the messages that are complete, and buffer the rest."""
        if not self._is_split:
            self._left += data
            self._news.set()
            return
        self._arrived = self._arrived + data if self._arrived else data
        if not self._is_delivering:
            self._split()
        elif len(self._arrived) > READ_AHEAD_MAX:
            self.wire.pause_reading()

    def _split(self) -> None:
        arrived, start = self._arrived, 0
        while (end := arrived.find(END, start)) >= 0:
            after = end + 2
            is_message = arrived.startswith(MESSAGES, start)
            if is_message:
                fields = arrived[start:end].split()
                size, body = int(fields[-1]), after
                after += size + 2
                if after > len(arrived):
                    break
                receive = self._subscribers.get(int(fields[2]))
            if not is_message or receive is None:
                self._left += arrived[start:after]
                self._news.set()
                start = after
                continue
            start = after
            if not self._run(receive(*_parts(fields, arrived, body, size))):
                break
        self._arrived = arrived[start:] if start else arrived

    def _run(self, receiving: Coroutine[Any, Any, None]) -> bool:
        """Run a subscriber; False if it waits for something and goes on in a task."""
        try:
            waits_for = receiving.send(None)
        except StopIteration:
            return True
        self._is_delivering = True
        task = asyncio.get_running_loop().create_task(_finish(receiving, waits_for))
        self._waiting.add(task)
        task.add_done_callback(self._go_on)
        return False

    def _go_on(self, task: "asyncio.Task[None]") -> None:
        self._is_delivering = False
        self._waiting.discard(task)
        if not task.cancelled():
            task.result()
        self._split()
        if not self._is_delivering and not self.is_ended and not self.wire.is_closing():
            self.wire.resume_reading()


def _parts(fields: list[bytes], arrived: bytes, body: int, size: int) -> tuple[bytes, bytes, bytes, bytes]:
    """Subject, reply, headers and data. `MSG subject sid [reply] size`, `HMSG subject sid [reply] headers size`."""
    has_headers = len(fields[0]) == len("HMSG")
    reply = fields[3] if len(fields) > 4 + has_headers else b""
    data = body + int(fields[-2]) if has_headers else body
    return fields[1], reply, arrived[body:data], arrived[data : body + size]


async def _finish(begun: Coroutine[Any, Any, None], waits_for: Any) -> None:
    await _rest(begun, waits_for)


@coroutine
def _rest(begun: Coroutine[Any, Any, None], waits_for: Any) -> Generator[Any, Any, None]:
    """Go on with a coroutine that was begun outside a task and waits for something."""
    step: Callable[[Any], Any]
    while True:
        try:
            value, step = (yield waits_for), begun.send
        except BaseException as error:  # noqa: BLE001  # it is the coroutine's to handle
            value, step = error, begun.throw
        try:
            waits_for = step(value)
        except StopIteration:
            return
