"""nats-py with shorter ways where a log's latency comes from: sending, hearing and reading headers.

What is overridden is internal to nats-py (2.16): the lock of requirements holds its version.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

Hear = Callable[[Msg], Awaitable[None]]


class QuickClient(Client):
    """A client that sends at the end of the turn, not by way of a queue, and may hear without one."""

    def __init__(self) -> None:
        super().__init__()
        self._at_once: dict[int, Hear] = {}
        self._is_writing = False

    async def subscribe_at_once(self, subject: str, hear: Hear) -> Subscription:
        """Let `hear` take each message as it is read; nothing else is read meanwhile."""
        subscription = await self.subscribe(subject, cb=hear, pending_msgs_limit=-1, pending_bytes_limit=-1)
        self._at_once[subscription._id] = hear  # noqa: SLF001
        return subscription

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes) -> None:
        hear = self._at_once.get(sid)
        if hear is None or sid not in self._subs:
            await super()._process_msg(sid, subject, reply, data, headers)
            return
        self.stats["in_msgs"] += 1
        self.stats["in_bytes"] += len(data)
        message = self._build_message(sid, subject, reply, data, await self._process_headers(headers))
        try:
            await hear(message)
        except Exception as error:  # noqa: BLE001  # as nats-py does: it is reported to the owner
            await self._error_cb(error)

    async def _flush_pending(self, force_flush: bool = False) -> Any:
        """Write what is pending at the end of this turn of the event loop, all of it at once."""
        if force_flush or not self.is_connected:
            return await super()._flush_pending(force_flush)
        if not self._is_writing:
            self._is_writing = True
            asyncio.get_running_loop().call_soon(self._write)
        return None

    def _write(self) -> None:
        self._is_writing = False
        if self.is_connected and self._transport is not None and self._pending:
            self._transport.writelines(self._pending)
            self._pending = []
            self._pending_data_size = 0

    @staticmethod
    def _parse_header_lines(raw: bytes) -> dict[str, str]:
        """nats-py's own looks at each letter of each header's name: a third of what a reader does."""
        pairs = (line.partition(":") for line in raw.decode(errors="replace").split("\r\n") if line)
        return {name.strip(): value.strip() for name, _, value in pairs}
