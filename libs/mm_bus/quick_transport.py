"""nats-py's transport over a `QuickWire`."""

import asyncio
import ssl
from typing import Any
from urllib.parse import ParseResult

from nats.aio.transport import Transport

from mm_bus.quick_wire import QuickWire, Subscriber

PORT = 4222
CLOSE_S = 1.0  # for what is unsent, to a server that takes nothing
LOST = "the connection to nats-server is lost"


class QuickTransport(Transport):
    """One connection after the other. `subscribers` take messages at once, by the number of the subscription."""

    def __init__(self, subscribers: dict[int, Subscriber]) -> None:
        self._subscribers = subscribers
        self._waiting: set[asyncio.Task[None]] = set()
        self._quick: Any = None

    async def connect(self, uri: ParseResult, buffer_size: int, connect_timeout: int) -> None:  # noqa: ARG002
        """Connect. OSError or TimeoutError if that fails."""
        loop = asyncio.get_running_loop()
        opening = loop.create_connection(
            lambda: QuickWire(self._subscribers, self._waiting), uri.hostname or "", uri.port or PORT
        )
        async with asyncio.timeout(connect_timeout):
            _, self._quick = await opening

    async def connect_tls(
        self,
        uri: str | ParseResult,
        ssl_context: ssl.SSLContext,
        buffer_size: int,  # noqa: ARG002
        connect_timeout: int,
    ) -> None:
        """Go on encrypted."""
        host, loop = uri if isinstance(uri, str) else uri.hostname, asyncio.get_running_loop()
        starting = loop.start_tls(self._quick.wire, self._quick, ssl_context, server_hostname=host)
        async with asyncio.timeout(connect_timeout):
            self._quick.wire = await starting

    @property
    def is_disconnected(self) -> bool:
        """True if nothing can be sent any more, which the reading may not have noticed yet."""
        return self._quick is None or self._quick.is_ended or self._quick.wire.is_closing()

    def write(self, payload: bytes) -> None:
        """Send. ConnectionResetError if the connection is lost."""
        self._open_wire().write(payload)

    def writelines(self, payload: list[bytes]) -> None:
        """Send one after the other. ConnectionResetError if the connection is lost."""
        self._open_wire().writelines(payload)

    def _open_wire(self) -> Any:
        """What is open. On a closed one uvloop raises RuntimeError, which ends nats-py's reconnecting for good."""
        if self.is_disconnected:
            raise ConnectionResetError(LOST)
        return self._quick.wire

    async def read(self, buffer_size: int) -> bytes:  # noqa: ARG002
        """What no subscriber takes."""
        return bytes(await self._quick.read())

    async def readline(self) -> bytes:
        """A line of the greeting."""
        return bytes(await self._quick.read_line())

    async def drain(self) -> None:
        """Wait until the server takes more."""
        await self._quick.drain()

    async def wait_closed(self) -> None:
        """Wait until the connection is closed; a server that takes nothing is not waited for."""
        if self._quick is None:
            return
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._quick.wait_closed()
        except TimeoutError:
            self.abort()

    def close(self) -> None:
        """Close the connection."""
        if self._quick is not None:
            self._quick.wire.close()

    def abort(self) -> None:
        """End the connection at once, whatever is unsent."""
        if self._quick is not None:
            self._quick.wire.abort()

    def cancel_subscribers(self) -> None:
        """Cancel the subscribers that wait for something, for which nobody will wait."""
        for task in self._waiting - {asyncio.current_task()}:
            task.cancel()

    def at_eof(self) -> bool:
        """True if nothing more will be read."""
        return self._quick is None or bool(self._quick.is_at_end)

    def __bool__(self) -> bool:
        """True from the start: nats-py would make another transport."""
        return True
