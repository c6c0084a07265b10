"""A connection in which messages get lost, one by one: it knows enough of the NATS protocol to split them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from enum import Enum
from random import Random

from tests.integration.runtime.server import GROUP, Server

from mm_bus.nats_server import HOST


class Fate(Enum):
    """What happens to a message. A cut ends the connection, and all that comes behind."""

    PASS = 1
    DROP = 2
    CUT = 3
    PASS_AND_CUT = 4


# Called with (subject, complete message) of each message from the client (or to the client).
Decide = Callable[[str, bytes], Fate | Awaitable[Fate]]
PAYLOADS = {b"PUB", b"HPUB", b"MSG", b"HMSG"}


def passes(_subject: str, _message: bytes) -> Fate:
    return Fate.PASS


def is_append(subject: str, message: bytes) -> bool:
    """True of what a sequencer writes into the log, but not of its fence."""
    return message.startswith(b"HPUB mm.") and not subject.startswith(f"mm.{GROUP}.writer")


def is_ack(subject: str, message: bytes) -> bool:
    """True of the server's answer to an append."""
    return subject.startswith("_INBOX.") and subject.count(".") == 3 and b'"stream"' in message


def is_report(subject: str, _message: bytes) -> bool:
    """True of what a node reports."""
    return subject.startswith(f"mm.{GROUP}.report.")


class Proxy:
    """Stands before a server; `sent` decides the fate of the client's messages, `received` of the server's."""

    def __init__(self, server: Server) -> None:
        self.url = ""
        self.sent: Decide = passes
        self.received: Decide = passes
        self.cuts = 0
        self._server = server
        self._writers: set[asyncio.StreamWriter] = set()
        self._handlers: set[asyncio.Task[None]] = set()

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Stand between one client and the server until either of them, or a cut, ends it."""
        handler = asyncio.current_task()
        assert handler is not None
        self._handlers.add(handler)
        try:
            server_reader, server_writer = await asyncio.open_connection(HOST, self._server.port)
        except OSError:
            writer.transport.abort()
            return
        try:
            await self._stand_between(reader, writer, server_reader, server_writer)
        finally:
            writer.transport.abort()
            server_writer.transport.abort()

    async def _stand_between(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        server_reader: asyncio.StreamReader,
        server_writer: asyncio.StreamWriter,
    ) -> None:
        pair = {writer, server_writer}
        self._writers |= pair
        # Looked up anew for each message: a test changes what it decides.
        up = asyncio.create_task(self._copy(reader, server_writer, lambda *message: self.sent(*message)))  # noqa: PLW0108
        down = asyncio.create_task(self._copy(server_reader, writer, lambda *message: self.received(*message)))  # noqa: PLW0108
        try:
            await asyncio.wait([up, down], return_when=asyncio.FIRST_COMPLETED)
            for each in pair:
                await _flushed(each)
        finally:
            up.cancel()
            down.cancel()
            self._writers -= pair
        await asyncio.gather(up, down, return_exceptions=True)

    async def end(self) -> None:
        """Cut all connections for good."""
        for handler in self._handlers:
            handler.cancel()
        await asyncio.gather(*self._handlers, return_exceptions=True)

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, decide: Decide) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            while line := await reader.readline():
                fields = line.split()
                if fields[:1] and fields[0].upper() in PAYLOADS:
                    message = line + await reader.readexactly(int(fields[-1]) + 2)
                    decided = decide(fields[1].decode(), message)
                    fate = await decided if isinstance(decided, Awaitable) else decided
                else:
                    message, fate = line, Fate.PASS
                if fate in {Fate.PASS, Fate.PASS_AND_CUT}:
                    writer.write(message)
                    await writer.drain()
                if fate in {Fate.CUT, Fate.PASS_AND_CUT}:
                    self.cuts += 1
                    return

    def abort(self) -> None:
        """Cut all connections."""
        for writer in self._writers:
            writer.transport.abort()


async def _flushed(writer: asyncio.StreamWriter) -> None:
    """Wait until what was passed has left, since an abort would take it back."""
    while not writer.transport.is_closing() and writer.transport.get_write_buffer_size():  # noqa: ASYNC110 transports notify nobody
        await asyncio.sleep(0.001)


@asynccontextmanager
async def proxy_to(server: Server) -> AsyncIterator[Proxy]:
    """A proxy on a free port, as long as it is used."""
    proxy = Proxy(server)
    listening = await asyncio.start_server(proxy.connected, HOST, 0, limit=1 << 24)
    proxy.url = f"nats://{HOST}:{listening.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        listening.close()
        await proxy.end()
        await listening.wait_closed()


def some(fraction: float, fate: Fate, which: Callable[[str, bytes], bool]) -> Decide:
    """A part of `which` messages, the same in each run, meets with `fate`."""
    random = Random(1)  # noqa: S311

    def decide(subject: str, message: bytes) -> Fate:
        return fate if which(subject, message) and random.random() < fraction else Fate.PASS

    return decide


def every(number: int, fate: Fate, which: Callable[[str, bytes], bool]) -> Decide:
    """Each `number`th of `which` messages meets with `fate`."""
    count = 0

    def decide(subject: str, message: bytes) -> Fate:
        nonlocal count
        if which(subject, message):
            count += 1
            if count % number == 0:
                return fate
        return Fate.PASS

    return decide
