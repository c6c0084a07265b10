"""The connection of a service to nats-server: it comes back by itself, and a bug in a callback stops the service."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any, TypeVar

import msgspec
import nats.errors
from nats.aio.msg import Msg
from nats.js.errors import BadRequestError, NotFoundError
from nats.js.errors import Error as JetStreamError

from mm_bus.login import INBOX, NOBODY, Login
from mm_bus.malformed import Malformed, MalformedError, read
from mm_bus.quick_client import QuickClient
from mm_core.types import InputError, UnavailableError

log = logging.getLogger(__name__)

CONNECT_S = 5.0
RETRY_S = 0.05
WAIT_S, WAIT_S_MAX = 0.1, 5.0  # between the tries of a first connecting; the pause doubles
LOG_S = 60.0  # a bus that stays away is logged so often
WATCH_S = 1.0
RECONNECT_S: Any = 0.05  # typed as an int, used as it is
REQUEST_S = 2.0
AGAIN_S = 0.25
AUTHORIZATION, PERMISSIONS = "authorization violation", "permissions violation"
PENDING_BYTES = 64 << 20
Listener = Callable[[], Coroutine[Any, Any, None]]
T = TypeVar("T")
# How a request fails at a server that is down, starting or busy. NotFoundError is a reply, not an outage.
OUTAGES = (nats.errors.Error, OSError, asyncio.TimeoutError)


class Bus:
    """One connection; `failed` ends with the exception of any callback, which is a bug."""

    def __init__(self) -> None:
        self.client = QuickClient()
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.reconnects = 0
        self.errors = 0
        self.malformed = Malformed()
        self.revivals = 0  # times that nats-py had ended silently
        self.alive_s = monotonic()  # when the connection was last there, or was tried
        self._is_open = False
        self._logged_s = -LOG_S
        self._url = self._user = ""
        self._on_reconnect: list[Listener] = []
        self._work: set[asyncio.Task[Any]] = set()
        self._closing = False

    async def connect(self, url: str, name: str, login: Login = NOBODY) -> None:
        """Connect to the server at `url`, or to one of several, separated by commas.

        UnavailableError if there is none, InputError if it refuses us.
        """
        self._url, self._user = url, login.user
        opening = self.client.connect(
            [each.strip() for each in url.split(",")],
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
            raise UnavailableError(f"[bus] url {url}: {reason}; expected a running nats-server") from error
        self._is_open = True
        self.jetstream = self.client.jetstream(timeout=REQUEST_S)
        self.begin(self._watch())

    async def connect_until(self, url: str, name: str, login: Login = NOBODY) -> None:
        """Connect as soon as there is a server. InputError if it refuses us."""
        wait_s = WAIT_S
        while True:
            try:
                return await self.connect(url, name, login)
            except UnavailableError as error:
                self._log_trouble(f"waiting for the bus: {error}")
                self.alive_s = monotonic()
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, WAIT_S_MAX)
            self.client = QuickClient()

    def _log_trouble(self, text: str) -> None:
        """Log trouble of the connection, the same trouble once a minute."""
        if monotonic() - self._logged_s >= LOG_S:
            self._logged_s = monotonic()
            log.warning("%s", text)

    async def _watch(self) -> None:
        """nats-py may end its tasks on an error that it does not know: reconnect then."""
        errors = -1
        while True:
            if self.client.revive():
                self.revivals += 1
                log.error("the connection to the bus had ended unnoticed: reconnecting")
            if self.is_connected or self.errors != errors:
                self.alive_s, errors = monotonic(), self.errors
            await asyncio.sleep(WATCH_S)

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

    async def subscribe(
        self, subject: str, callback: Callable[[Msg], Awaitable[None]], *, at_once: bool = False
    ) -> Any:
        """Subscribe: all messages of a subject go to `callback`, one after the other.

        One for which `callback` raises MalformedError is counted, and answered with an error if it is a request.
        `at_once`: as they are read, which saves two turns of the event loop; it must never wait for another
        message.
        """

        async def on_message(message: Msg) -> None:
            try:
                await callback(message)
            except MalformedError as error:
                self.malformed.note(message.subject, message.data, error)
                await self.reply(message, {"error": f"malformed: {error}"})
            except OUTAGES as error:  # nats-py reports it as if it were trouble of the connection
                self.fail(error)
                raise

        if at_once:
            return await self.client.subscribe_at_once(subject, on_message)
        return await self.client.subscribe(subject, cb=on_message, pending_msgs_limit=-1, pending_bytes_limit=-1)

    def begin(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Run `work` beside everything else; its failure is the service's."""
        task = asyncio.create_task(work)
        self._work.add(task)  # the event loop itself holds tasks only weakly
        task.add_done_callback(self._work.discard)
        task.add_done_callback(self.ended)
        return task

    async def request(self, subject: str, content: Any = None, timeout_s: float = REQUEST_S) -> Any:
        """Request with JSON, reply in JSON; None if no reply comes in time, or one that is no JSON."""
        try:
            answer = await self.client.request(subject, json.dumps(content).encode(), timeout=timeout_s)
            return read(json.loads, answer.data) if answer.data else None
        except OUTAGES:
            return None
        except MalformedError as error:
            self.malformed.note(subject, answer.data, error)
            return None

    async def answer(self, subject: str, reply: Callable[[Any], Awaitable[Any]], kind: Any = None) -> None:
        """Reply to every request on `subject` with the JSON of `reply(content)`; the content is a `kind`.

        Without a `kind` a request has no content: JSON's null.
        """
        decode = msgspec.json.Decoder(kind).decode

        async def respond(message: Msg) -> None:
            await self.reply(message, await reply(read(decode, message.data)))

        await self.subscribe(subject, respond)

    async def reply(self, message: Msg, answer: Any) -> None:
        """Reply with JSON, if the message names an inbox: no other subject is for replies."""
        if not message.reply:
            return
        if not message.reply.startswith(INBOX):
            self.malformed.note(message.subject, message.data, f"requests its reply on {message.reply}")
            return
        data = json.dumps(answer).encode()
        if len(data) > self.client.max_payload:
            most = self.client.max_payload
            data = json.dumps({"error": f"the answer has {len(data)} bytes; expected at most {most}"}).encode()
        await self.publish(message.reply, data)

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
        self._logged_s = -LOG_S
        log.info("connected to the bus again")
        for listener in self._on_reconnect:  # not in nats-py's own task, which the next loss of the connection cancels
            self.begin(listener())

    async def _closed(self) -> None:
        """nats-py gives up for good when the server refuses what it sends: nothing would reconnect."""
        if not self._closing:
            self.fail(UnavailableError(f"the bus closed the connection: {self.client.last_error}"))

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
            if self._is_open:  # before, the caller of `connect` gets the error
                self._log_trouble(f"bus: {str(error) or type(error).__name__}")
        else:
            self.fail(error)


@asynccontextmanager
async def connected(url: str, name: str, login: Login = NOBODY) -> AsyncIterator[Bus]:
    """A connection for the length of a block. Errors as `Bus.connect`."""
    bus = Bus()
    await bus.connect(url, name, login)
    try:
        yield bus
    finally:
        await bus.close()


async def until_available(request: Callable[[], Awaitable[T]]) -> T:
    """Repeat a request until the server replies. NotFoundError is a reply; BadRequestError is a bug."""
    while True:
        try:
            return await request()
        except (NotFoundError, BadRequestError):
            raise
        except OUTAGES as error:
            log.info("waiting for the bus: %s", str(error) or type(error).__name__)
            await asyncio.sleep(RETRY_S)


async def until_led(request: Callable[[], Awaitable[T]]) -> T:
    """As `until_available`, but sent again every AGAIN_S without waiting for the reply to the one before.

    A request to a server that had just died is never answered, and a new leader of a replicated log would be
    noticed only when that has timed out.
    """
    tries: list[asyncio.Task[T]] = []
    try:
        while True:
            if len(tries) < REQUEST_S / AGAIN_S:
                tries.append(asyncio.ensure_future(until_available(request)))
            await asyncio.wait(tries, timeout=AGAIN_S, return_when=asyncio.FIRST_COMPLETED)
            for task in tries:
                if task.done():
                    return task.result()
    finally:
        for task in tries:
            task.cancel()


assert issubclass(JetStreamError, nats.errors.Error)
