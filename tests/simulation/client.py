"""What nats-py and `QuickClient` are to a `Bus`, over the server of a simulation."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import nats.errors
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.errors import NoStreamResponseError  # noqa: F401
from tests.simulation.connection import Connection
from tests.simulation.loop import Process
from tests.simulation.world import World

from mm_bus.bus import RECONNECT_S
from mm_bus.quick_wire import _finish

Callback = Callable[[Msg], Awaitable[None]]


class Version(NamedTuple):
    """Of the server that is modelled."""

    major: int = 2
    minor: int = 15
    patch: int = 1


class Subscription:
    """Of one subject: to a queue and a task, or delivered at once."""

    def __init__(self, client: "SimClient", subject: str, callback: Callback, at_once: bool) -> None:
        self.subject = subject
        self.callback = callback
        self.at_once = at_once
        self._client = client
        self._queue: asyncio.Queue[Msg] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        if not at_once:
            self._task = asyncio.get_running_loop().create_task(self._work())

    @property
    def pending_msgs(self) -> int:
        """Messages that wait here."""
        return self._queue.qsize()

    def take(self, message: Msg) -> None:
        """A message for the queue."""
        self._queue.put_nowait(message)

    async def _work(self) -> None:
        while True:
            message = await self._queue.get()
            try:
                await self.callback(message)
            except Exception as error:  # noqa: BLE001  # as nats-py does: it is reported to the owner
                await self._client.report(error)

    async def unsubscribe(self) -> None:
        """Receive no more."""
        self._client.forget(self)
        if self._task is not None:
            self._task.cancel()


class SimClient:
    """One client of one process."""

    def __init__(self, world: World, process: Process) -> None:
        self.is_connected = False
        self.is_closed = False
        self.max_payload = 8 << 20
        self.last_error: Exception | None = None
        self.connected_server_version = Version()
        self._world = world
        self._process = process
        self._options: dict[str, Any] = {}
        self._connection: Connection
        self._subscriptions: dict[str, Subscription] = {}
        self._requests: dict[str, asyncio.Future[Msg]] = {}
        self._inbox = self.new_inbox()
        self._arrived: list[tuple[Subscription, Msg]] = []
        self._is_delivering = False
        self._unsent: list[tuple[str, str, dict[str, str] | None, bytes]] = []

    async def connect(self, _url: str, **options: Any) -> None:
        """Connect to the one server."""
        self._options = options
        self._open()

    def _open(self) -> None:
        self._connection = Connection(self._world, self, self._process)
        self._connection.subscribe(f"{self._inbox}.*", None)
        for subscription in self._subscriptions.values():
            self._connection.subscribe(subscription.subject, subscription)
        unsent, self._unsent = self._unsent, []
        for subject, reply, headers, data in unsent:
            self._connection.publish(subject, reply, headers, data)
        self.is_connected = True

    def revive(self) -> bool:
        """Never needed: it does not end unnoticed."""
        return False

    def lost(self, connection: Connection) -> None:
        """The connection is lost, and with it the replies to requests."""
        if connection is not self._connection:
            return
        self.is_connected = False
        for future in list(self._requests.values()):
            if not future.done():
                future.set_exception(ConnectionResetError("the connection to nats-server was lost"))
        asyncio.get_running_loop().call_later(RECONNECT_S, self._reopen)

    def _reopen(self) -> None:
        self._world.note(f"{self._process.name} is connected again")
        self._open()
        asyncio.get_running_loop().create_task(self._options["reconnected_cb"]())

    async def report(self, error: Exception) -> None:
        """Notify the owner of an error."""
        await self._options["error_cb"](error)

    def new_inbox(self) -> str:
        """A subject of our own."""
        self._world.stamp += 1
        return f"_INBOX.{self._world.stamp}"

    async def subscribe(self, subject: str, cb: Callback, **_limits: Any) -> Subscription:
        """Receive a subject in a task."""
        return self._subscribe(Subscription(self, subject, cb, at_once=False))

    async def subscribe_at_once(self, subject: str, callback: Callback) -> Subscription:
        """Receive a subject as it is read."""
        return self._subscribe(Subscription(self, subject, callback, at_once=True))

    def _subscribe(self, subscription: Subscription) -> Subscription:
        self._subscriptions[subscription.subject] = subscription
        if self.is_connected:
            self._connection.subscribe(subscription.subject, subscription)
        return subscription

    def forget(self, subscription: Subscription) -> None:
        """Receive no more."""
        self._subscriptions.pop(subscription.subject, None)
        self._arrived = [arrived for arrived in self._arrived if arrived[0] is not subscription]
        if self.is_connected:
            self._connection.unsubscribe(subscription.subject)

    async def publish(
        self, subject: str, payload: bytes = b"", reply: str = "", headers: dict[str, Any] | None = None
    ) -> None:
        """Send at once; without a connection it is sent with the next one."""
        if self.is_connected:
            self._connection.publish(subject, reply, headers, payload)
        else:
            self._unsent.append((subject, reply, headers, payload))

    async def request(
        self,
        subject: str,
        payload: bytes = b"",
        timeout: float = 0.5,  # noqa: ASYNC109  # as nats-py does
        headers: dict[str, Any] | None = None,
    ) -> Msg:
        """Request, and wait for the reply."""
        self._world.stamp += 1
        reply = f"{self._inbox}.{self._world.stamp}"
        future = self._requests[reply] = asyncio.get_running_loop().create_future()
        await self.publish(subject, payload, reply, headers)
        try:
            async with asyncio.timeout(timeout):
                message: Msg = await future
        except TimeoutError as error:
            raise nats.errors.TimeoutError from error
        finally:
            self._requests.pop(reply, None)
        if message.headers and message.headers.get("Status") == "503":
            raise nats.errors.NoRespondersError
        return message

    def jetstream(self, **options: Any) -> JetStreamContext:
        """nats-py's own, over this client."""
        return JetStreamContext(self, **options)  # type: ignore[arg-type]

    def receive(
        self,
        subscription: Subscription | None,
        subject: str,
        reply: str,
        headers: dict[str, str] | None,
        data: bytes,
    ) -> None:
        """A message has arrived."""
        message = Msg(self, subject, reply, data, headers)  # type: ignore[arg-type]
        if subscription is None:
            future = self._requests.get(subject)
            if future is not None and not future.done():
                future.set_result(message)
        elif self._subscriptions.get(subscription.subject) is not subscription:
            return
        elif subscription.at_once:
            self._arrived.append((subscription, message))
            self._deliver_next()
        else:
            subscription.take(message)

    def _deliver_next(self) -> None:
        """Deliver what has arrived, one after the other: outside any task until it waits for something."""
        while self._arrived and not self._is_delivering:
            subscription, message = self._arrived.pop(0)
            delivering: Any = self._deliver(subscription.callback, message)
            try:
                waits_for = delivering.send(None)
            except StopIteration:
                continue
            self._is_delivering = True
            task = asyncio.get_running_loop().create_task(_finish(delivering, waits_for))
            task.add_done_callback(self._go_on)

    async def _deliver(self, callback: Callback, message: Msg) -> None:
        try:
            await callback(message)
        except Exception as error:  # noqa: BLE001  # as QuickClient does
            await self.report(error)

    def _go_on(self, _task: "asyncio.Task[None]") -> None:
        self._is_delivering = False
        self._deliver_next()
