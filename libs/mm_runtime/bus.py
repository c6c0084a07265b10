"""The connection of a service to nats-server: it comes back by itself, and a bug in a callback stops the service."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import nats.errors
from nats.aio.msg import Msg
from nats.js.api import DiscardPolicy, StorageType, StreamConfig
from nats.js.errors import BadRequestError, NotFoundError
from nats.js.errors import Error as JetStreamError

from mm_core.types import InputError
from mm_runtime.login import NOBODY, Login
from mm_runtime.quick_client import QuickClient
from mm_wire.subjects import log_subjects, stream, writer_subject

log = logging.getLogger(__name__)

CONNECT_S = 5.0
RETRY_S = 0.05
RECONNECT_S: Any = 0.05  # typed as whole seconds, used as they are
REQUEST_S = 2.0
AUTHORIZATION, PERMISSIONS = "authorization violation", "permissions violation"
PENDING_BYTES = 64 << 20
DUPLICATES_S = 5.0  # the server keeps the names of so long; nothing here rests on it
Listener = Callable[[], Coroutine[Any, Any, None]]
T = TypeVar("T")
# What a server that is gone, starting or busy makes of a request. NotFoundError is an answer, not an outage.
OUTAGES = (nats.errors.Error, OSError, asyncio.TimeoutError)


class Bus:
    """One connection; `failed` ends with the exception of any callback, which is a bug."""

    def __init__(self) -> None:
        self.client = QuickClient()
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.reconnects = 0
        self.errors = 0
        self._is_open = False
        self._url = self._user = ""
        self._on_reconnect: list[Listener] = []
        self._work: set[asyncio.Task[Any]] = set()
        self._closing = False

    async def connect(self, url: str, name: str, login: Login = NOBODY) -> None:
        """Connect to the server at `url`. InputError if there is none, or it refuses us."""
        self._url, self._user = url, login.user
        opening = self.client.connect(
            url,
            name=name,
            max_reconnect_attempts=-1,
            reconnect_time_wait=RECONNECT_S,
            connect_timeout=2,
            ping_interval=5,
            pending_size=PENDING_BYTES,
            reconnected_cb=self._reconnected,
            closed_cb=self._closed,
            error_cb=self._error,
            **login.options(),
        )
        try:
            async with asyncio.timeout(CONNECT_S):
                await opening
        except OUTAGES as error:
            reason = str(error) or "no answer"
            raise InputError(f"[bus] url {url}: {reason}; expected a running nats-server") from error
        self._is_open = True
        self.jetstream = self.client.jetstream(timeout=REQUEST_S)

    def on_reconnect(self, listener: Listener) -> None:
        """Call `listener` whenever the connection has come back."""
        self._on_reconnect.append(listener)

    @property
    def is_connected(self) -> bool:
        """False while the connection is away."""
        return self.client.is_connected

    async def publish(self, subject: str, data: bytes, reply: str = "", headers: dict[str, str] | None = None) -> None:
        """Send to whoever listens now, or nothing without a connection: every protocol here repeats what matters."""
        if self.client.is_connected:
            await self.client.publish(subject, data, reply, headers)

    async def subscribe(self, subject: str, hear: Callable[[Msg], Awaitable[None]], *, at_once: bool = False) -> Any:
        """Hear all messages of a subject, one after the other.

        `at_once`: as they are read, which saves two turns of the event loop. Such a `hear` must never wait for another
        message.
        """

        async def heard(message: Msg) -> None:
            try:
                await hear(message)
            except OUTAGES as error:  # nats-py reports it as if it were trouble of the connection
                self.fail(error)
                raise

        if at_once:
            return await self.client.subscribe_at_once(subject, heard)
        return await self.client.subscribe(subject, cb=heard, pending_msgs_limit=-1, pending_bytes_limit=-1)

    def begin(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Run `work` beside everything else; its failure is the service's."""
        task = asyncio.create_task(work)
        self._work.add(task)  # the event loop itself holds tasks only weakly
        task.add_done_callback(self._work.discard)
        task.add_done_callback(self.ended)
        return task

    async def request(self, subject: str, question: Any = None, timeout_s: float = REQUEST_S) -> Any:
        """Ask with JSON, be answered in JSON; None if nobody answers in time."""
        try:
            answer = await self.client.request(subject, json.dumps(question).encode(), timeout=timeout_s)
        except OUTAGES:
            return None
        return json.loads(answer.data) if answer.data else None

    async def answer(self, subject: str, reply: Callable[[Any], Awaitable[Any]]) -> None:
        """Answer every request on `subject` with the JSON of what `reply` makes of the request's."""

        async def respond(message: Msg) -> None:
            answer = await reply(json.loads(message.data) if message.data else None)
            await self.publish(message.reply, json.dumps(answer).encode())

        await self.subscribe(subject, respond)

    def ended(self, task: "asyncio.Task[Any]") -> None:
        """Done-callback of a task whose failure is the service's."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self.fail(error)

    def fail(self, error: BaseException) -> None:
        """Stop the service with `error`; the first one counts."""
        if not self.failed.done():
            self.failed.set_exception(error)

    async def close(self) -> None:
        """Send what is pending and end the connection."""
        self._closing = True
        try:
            if self.client.is_connected:
                await self.client.flush(timeout=2)
            if self._is_open:
                await self.client.close()
        except OUTAGES as error:
            log.warning("closing the bus: %s", error)

    async def _reconnected(self) -> None:
        self.reconnects += 1
        log.info("connected to the bus again")
        for listener in self._on_reconnect:  # not in nats-py's own task, which the next loss of the connection cancels
            self.begin(listener())

    async def _closed(self) -> None:
        """nats-py gives up for good when the server refuses what it says: no one would come back."""
        if not self._closing:
            self.fail(ConnectionError(f"the bus closed the connection: {self.client.last_error}"))

    async def _error(self, error: Exception) -> None:
        """What nats-py reports: trouble of the connection is counted, anything else came from one of our callbacks.

        What the server forbids us stays forbidden: it is raised into the first connecting, or ends the service.
        """
        text = str(error).lower()
        if AUTHORIZATION in text and not self._is_open:
            who = f"user {self._user}" if self._user else "without a user"
            raise InputError(
                f"[bus] url {self._url}, {who}: refused; expected a user that the server knows, and its password"
            ) from error
        if PERMISSIONS in text:
            self.fail(InputError(f"[bus] user {self._user}: {error}; expected a user who may do this"))
        elif isinstance(error, OUTAGES):
            self.errors += 1
            log.warning("bus: %s", str(error) or type(error).__name__)
        else:
            self.fail(error)


async def until_available(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask until the server answers. NotFoundError is an answer; BadRequestError is a bug that no repeat mends."""
    while True:
        try:
            return await ask()
        except (NotFoundError, BadRequestError):
            raise
        except OUTAGES as error:
            log.info("waiting for the bus: %s", str(error) or type(error).__name__)
            await asyncio.sleep(RETRY_S)


async def open_log(bus: Bus, group: str) -> int:
    """Make the stream of a group where it is missing; the sequence of its last event, 0 of an empty log."""
    name = stream(group)
    try:
        info = await until_available(lambda: bus.jetstream.stream_info(name))
    except NotFoundError:
        config = StreamConfig(
            name=name,
            subjects=[*log_subjects(group), writer_subject(group)],
            storage=StorageType.FILE,
            discard=DiscardPolicy.NEW,
            allow_direct=True,
            duplicate_window=DUPLICATES_S,
        )
        info = await until_available(lambda: bus.jetstream.add_stream(config))
    return int(info.state.last_seq)


assert issubclass(JetStreamError, nats.errors.Error)
