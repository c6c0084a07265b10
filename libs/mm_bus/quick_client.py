"""nats-py with shorter ways where a log's latency comes from: sending, receiving and reading headers.

What is overridden is internal to nats-py (2.16): the lock of requirements holds its version.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js.api import Header
from nats.protocol.command import hpub_cmd, pub_cmd

from mm_bus.quick_transport import QuickTransport
from mm_bus.quick_wire import Subscriber

STATUS, DESCRIPTION = str(Header.STATUS.value), str(Header.DESCRIPTION.value)
Callback = Callable[[Msg], Awaitable[None]]


class QuickClient(Client):
    """A client that sends and, for `subscribe_at_once`, receives without queues."""

    def __init__(self) -> None:
        super().__init__()
        self._subscribers: dict[int, Subscriber] = {}
        self._transport = self._quick_transport = QuickTransport(self._subscribers)

    async def connect(self, *args: Any, **options: Any) -> None:
        """Connect as nats-py does; one that fails leaves no socket open, which nats-py's own does."""
        try:
            await super().connect(*args, **options)
        except BaseException:
            self._quick_transport.abort()
            raise

    async def subscribe_at_once(self, subject: str, callback: Callback) -> Subscription:
        """Call `callback` with each message as it is read; nothing else is read meanwhile."""
        subscription = await self.subscribe(subject, cb=callback, pending_msgs_limit=-1, pending_bytes_limit=-1)
        self._subscribers[subscription._id] = self._subscriber(callback)  # noqa: SLF001
        return subscription

    def _subscriber(self, callback: Callback) -> Subscriber:
        async def receive(subject: bytes, reply: bytes, headers: bytes, data: bytes) -> None:
            self.stats["in_msgs"] += 1
            self.stats["in_bytes"] += len(data)
            try:
                await callback(Msg(self, subject.decode(), reply.decode(), data, _headers(headers)))
            except Exception as error:  # noqa: BLE001  # as nats-py does: it is reported to the owner
                await self._error_cb(error)

        return receive

    def _remove_sub(self, sid: int, max_msgs: int = 0) -> None:
        super()._remove_sub(sid, max_msgs)
        self._subscribers.pop(sid, None)

    async def _process_op_err(self, e: Exception) -> None:
        """The connection is lost, and with it the reply to each request, which may be repeated now."""
        for future in list(self._resp_map.values()):
            if not future.done():
                future.set_exception(ConnectionResetError("the connection to nats-server was lost"))
        await super()._process_op_err(e)

    async def _process_connect_init(self) -> None:
        """Tasks of an earlier connection must not read from the next one; a failed reconnecting leaves them."""
        for task in self._connected_tasks():
            task.cancel()
        await super()._process_connect_init()

    def _connected_tasks(self) -> list["asyncio.Task[None]"]:
        tasks = (self._reading_task, self._ping_interval_task)
        return [task for task in tasks if task is not None and not task.done()]

    async def _process_pong(self) -> None:
        """A flush that was given up takes no pong any more; nats-py's reading would end on it."""
        if self._pongs and self._pongs[0].done():
            self._pongs.pop(0)
            self._pings_outstanding = 0
            return
        await super()._process_pong()

    def revive(self) -> bool:
        """Reconnect if nobody does and nobody would notice that it must be done; True if that was so.

        nats-py ends its tasks on an error that it does not know, and reports nothing.
        """
        if self.is_closed:
            return False
        if self.is_connected:
            is_dead = len(self._connected_tasks()) < len((self._reading_task, self._ping_interval_task))
        else:
            is_dead = self._reconnection_task is None or self._reconnection_task.done()
        if is_dead:
            self._status = Client.RECONNECTING
            self._ps.reset()
            self._reconnection_task = asyncio.get_running_loop().create_task(self._attempt_reconnect())
        return is_dead

    async def _close(self, status: int, do_cbs: bool = True) -> None:
        await super()._close(status, do_cbs)
        self._quick_transport.cancel_subscribers()

    async def publish(
        self, subject: str, payload: bytes = b"", reply: str = "", headers: dict[str, Any] | None = None
    ) -> None:
        """Send at once. Headers are ours: names and values need no check."""
        if headers is None:
            command = pub_cmd(subject, reply, payload)
        else:
            lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
            command = hpub_cmd(subject, reply, f"NATS/1.0\r\n{lines}\r\n".encode(), payload)
        self.stats["out_msgs"] += 1
        self.stats["out_bytes"] += len(payload)
        await self._send_command(command)
        await self._flush_pending()

    async def _flush_pending(self, force_flush: bool = False) -> Any:
        """Write what is pending now; uvloop itself gathers the writes of one turn."""
        if force_flush or not self.is_connected or self._transport is None:
            return await super()._flush_pending(force_flush)
        if (
            self._pending and self._quick_transport.is_disconnected
        ):  # the reading is about to notice it; no publish fails for it
            self._pending.clear()
            self._pending_data_size = 0
        elif self._pending:
            self._transport.write(self._pending[0] if len(self._pending) == 1 else b"".join(self._pending))
            self._pending = []
            self._pending_data_size = 0
        return None

    async def _process_headers(self, headers: bytes) -> dict[str, str] | None:
        return _headers(headers)


def _headers(headers: bytes) -> dict[str, str] | None:
    """Status and headers of a message. nats-py's own parses each letter of each name."""
    if not headers:
        return None
    first, *lines = headers.decode(errors="replace").split("\r\n")
    status, _, description = first.removeprefix("NATS/1.0").strip().partition(" ")
    read = {STATUS: status} if status else {}
    if description:
        read[DESCRIPTION] = description
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            read[name] = value.strip()
    return read
