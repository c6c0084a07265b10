"""Appends to a group's log without holes and without repeats (docs/log.md), for its only writer.

Every append names the message that it must follow (`mm_wire.chain`), or in a replicated log its sequence, so appends go
out without waiting for each other and one that is refused makes all behind it fail. When it is not known what is stored
(an error, silence, a connection that came back), the stream's end is looked up: what it holds of ours is stored, the
rest is sent again.

Each sequencer takes the log over with a message of its own, the fence: what an older writer still sends names none of
the messages behind it, so the stream stores nothing of it. In a replicated log the fence is as long as a writer may be
ahead of what is stored, and stored completely or not at all: no sequence that an older writer still names comes again.
"""

import asyncio
import logging
import uuid
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

from mm_bus.bus import Bus, until_available
from mm_bus.fence import EXPECTED, EXPECTED_SEQUENCE, FENCES, is_replicated, send_fence
from mm_bus.label import HEADER, Label
from mm_bus.log_check import NAME, RESTORE, read_info, read_name
from mm_bus.malformed import MalformedError, read
from mm_bus.messages import Msg, NotFoundError
from mm_bus.open_log import open_log
from mm_core.types import IntegrityError, UnavailableError
from mm_wire.chain import FIRST, name_of
from mm_wire.subjects import stream

log = logging.getLogger(__name__)

WRONG_LAST = (10070, 10071)  # message, sequence
SILENT_S = 1.0  # without an ack, after which the end of the stream is looked up
# Appends without an ack before the sequencer waits with new roots.
IN_FLIGHT_MAX = 2_000
# So often in a row the same append is refused before it is given up; the pause before the next try doubles each time.
REFUSALS_MAX = 6
# A server on a full disk replies, but not to an append: given up after so many SILENT_S.
SILENCES_MAX = 15
PAUSE_S = 0.05
PAUSE_S_MAX = 0.5


class LogTakenError(IntegrityError):
    """Something else appends to this log, or it lost events: no one may go on appending to it."""


class LogRefusedError(UnavailableError):
    """The stream takes no more, whatever we do: it is full, or its disk is."""


class _Append(msgspec.Struct):
    seq: int
    subject: str
    headers: dict[str, str]
    data: bytes


class _Ack(msgspec.Struct):
    """The server's reply to an append."""

    stream: str = ""
    error: dict[str, Any] | None = None


_NO_STREAM = {"description": "no stream replies"}
_ack = msgspec.json.Decoder(_Ack).decode


class Appender:
    """The end of one log."""

    def __init__(self, bus: Bus, group: str) -> None:
        self.last_seq = 0  # of the last append, whether its ack is there or not
        self.lookups = 0
        self.writer = uuid.uuid4().hex
        self._bus = bus
        self._group = group
        self._stream = stream(group)
        self._in_flight: deque[_Append] = deque()
        self._name = FIRST  # of the last append
        self._is_replicated = False
        self._room = asyncio.Event()  # set when something was stored, for an append that waits for it
        self._refusals = 0  # of the first append in flight
        self._silences = 0
        self._attempt = 0  # replies name the attempt: errors of earlier ones are dropped
        self._inbox = ""
        self._resolving: asyncio.Task[None] | None = None
        self._acked_s = 0.0
        self._on_free: Callable[[], Any] = lambda: None
        self._watch: asyncio.Task[None] | None = None

    async def take(self) -> None:
        """Make this the only writer of the log, whose end does not move from here on but by `append`.

        LogRefusedError if the stream does not let us.
        """
        refusals, writer = 0, self.writer.encode()
        while True:
            last_seq = await open_log(self._bus, self._group)
            self._is_replicated = await is_replicated(self._bus, self._group)
            names = [await read_name(self._bus, self._group, last_seq)]
            for _ in range(FENCES if self._is_replicated else 1):
                names.append(name_of(names[-1], "", writer))
            error = await send_fence(self._bus, self._group, last_seq, names, writer)
            if error is None:
                break
            # The appends of one who was just killed may still be on their way through the server.
            refusals += error.get("err_code") not in WRONG_LAST
            if refusals == REFUSALS_MAX:
                raise self._refused(last_seq + 1, error.get("description", ""))
            await asyncio.sleep(_pause_s(refusals))
        self.last_seq, self._name = last_seq + len(names) - 1, names[-1]

    async def start(self, on_free: Callable[[], Any]) -> None:
        """Begin to receive acks; `on_free` is called when there is room in flight again, and when all is stored."""
        self._on_free = on_free
        self._inbox = self._bus.client.new_inbox()
        await self._bus.subscribe(f"{self._inbox}.*.*", self._on_ack, at_once=True)
        self._bus.on_reconnect(self._on_reconnect)
        self._watch = self._bus.begin(self._watch_acks())

    async def stop(self) -> None:
        """Wait no more for acks."""
        for task in (self._watch, self._resolving):
            if task is not None:
                task.cancel()

    @property
    def stored_seq(self) -> int:
        """The last sequence that is known to be stored."""
        return self._in_flight[0].seq - 1 if self._in_flight else self.last_seq

    @property
    def is_free(self) -> bool:
        """False while more appends are in flight than should be."""
        in_flight_max = FENCES // 2 if self._is_replicated else IN_FLIGHT_MAX
        return len(self._in_flight) < in_flight_max and self._resolving is None

    async def append(self, subject: str, label: Label, data: bytes, *, acked: bool = True) -> int:
        """Append an event and return its sequence, which is final.

        `acked`: ask the server for an ack. Without one, `reported` must be called for it.
        """
        while self._is_replicated and len(self._in_flight) >= FENCES:
            self._room.clear()
            await self._room.wait()
        self.last_seq += 1
        text, before = label.text, self._name
        self._name = name_of(before, text, data)
        follows = {EXPECTED_SEQUENCE: str(self.last_seq - 1)} if self._is_replicated else {EXPECTED: before}
        headers = {HEADER: text, NAME: self._name, **follows}
        append = _Append(self.last_seq, subject, headers, data)
        self._in_flight.append(append)
        if self._resolving is None:
            await self._send(append, acked=acked)
        return self.last_seq

    def reported(self, seq: int, writer: str) -> None:
        """A node has reported on event `seq`, which `writer` wrote, from the log: if that is us, it is stored."""
        if writer == self.writer and self._resolving is None:
            self._acked_s = asyncio.get_running_loop().time()
            self._stored(seq)

    async def _send(self, append: _Append, *, acked: bool = True) -> None:
        reply = f"{self._inbox}.{self._attempt}.{append.seq}" if acked else ""
        await self._bus.publish(append.subject, append.data, reply, append.headers)

    async def _on_ack(self, message: Msg) -> None:
        attempt, seq = _place(message.subject)
        ack = read(_ack, message.data) if message.data else _Ack(error=_NO_STREAM)
        if not ack.error and ack.stream != self._stream:
            raise MalformedError(f"no ack of {self._stream}")
        self._acked_s = asyncio.get_running_loop().time()
        if ack.error:
            if attempt == self._attempt and seq > self.stored_seq and self._resolving is None:
                reason = str(ack.error.get("description"))
                self._refusals += bool(message.data)
                if self._refusals == REFUSALS_MAX:
                    raise self._refused(seq, reason)
                self._look_up(f"append {seq} was refused: {reason}")
        elif self._resolving is None:
            # Stored, so everything before it is stored too. Not while what was refused may have made
            # room for the event of another, which this one followed.
            self._stored(seq)

    def _refused(self, seq: int, reason: str) -> LogRefusedError:
        return LogRefusedError(
            f"the log {self._stream} does not take event {seq}: {reason}; expected room in the stream and on its disk"
        )

    def _stored(self, seq: int) -> None:
        if not self._in_flight or self._in_flight[0].seq > seq:
            return
        was_free = self.is_free
        while self._in_flight and self._in_flight[0].seq <= seq:
            self._in_flight.popleft()
        self._room.set()
        self._refusals = self._silences = 0
        if not self._in_flight or (not was_free and self.is_free):
            self._on_free()

    async def _on_reconnect(self) -> None:
        self._silences = 0
        self._look_up("the connection was lost")

    async def _watch_acks(self) -> None:
        """Silence makes it uncertain too: an append or its ack may have got lost."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SILENT_S / 4)
            if not self._in_flight or not self._bus.is_connected:
                self._acked_s = loop.time()
            elif self._resolving is None and loop.time() - self._acked_s > SILENT_S:
                self._silences += 1
                if self._silences == SILENCES_MAX:
                    raise self._refused(self._in_flight[0].seq, "the server does not store it")
                self._look_up("no ack came")

    def _look_up(self, reason: str) -> None:
        if self._resolving is None:
            log.warning("%s: looking up the end of the stream", reason)
            self.lookups += 1
            self._resolving = self._bus.begin(self._resolve())

    async def _resolve(self) -> None:
        """Find the end of the stream and send again what it does not hold."""
        if self._refusals > 1:
            await asyncio.sleep(_pause_s(self._refusals))
        last_seq = await self._checked_end()
        self._attempt += 1
        self._stored(last_seq)
        self._acked_s = asyncio.get_running_loop().time()
        sent_seq = last_seq
        while pending := [append for append in self._in_flight if append.seq > sent_seq]:
            for append in pending:
                await self._send(append)
                sent_seq = append.seq
        self._resolving = None  # at once: an append that comes now is sent by itself
        self._on_free()

    async def _checked_end(self) -> int:
        """The last sequence of the stream. LogTakenError unless all of ours up to it is stored, and nothing else."""
        stored_seq = self.stored_seq  # before the request: acks may come that are younger than the reply
        sent, sent_seq = list(self._in_flight), self.last_seq  # what comes from here on is not sent yet
        try:
            info = await read_info(self._bus, self._group, stored_seq)
        except NotFoundError as error:
            raise LogTakenError(
                f"the log {self._stream} does not exist; expected the one that this session began"
            ) from error
        last_seq = int(info.state.last_seq)
        if last_seq < stored_seq:
            raise LogTakenError(
                f"the log {self._stream} lost events: it ends at {last_seq}, {stored_seq} was stored; {RESTORE}"
            )
        foreign = [append.seq for append in sent if append.seq <= last_seq and not await self._is_ours(append)]
        if foreign or last_seq > sent_seq:
            seq = foreign[0] if foreign else last_seq
            raise LogTakenError(
                f"a second sequencer writes the log {self._stream}: event {seq} is not ours; expected one a group"
            )
        return last_seq

    async def _is_ours(self, append: _Append) -> bool:
        """True if the stream holds exactly this append, by this run."""
        message = await until_available(lambda: self._bus.jetstream.get_msg(self._stream, append.seq))
        return (message.headers or {}).get(NAME) == append.headers[NAME]


def _place(subject: str) -> tuple[int, int]:
    """The attempt and the sequence that an ack is for."""
    try:
        attempt, seq = (int(token) for token in subject.rsplit(".", 2)[1:])
    except ValueError as error:
        raise MalformedError("an ack of no append") from error
    return attempt, seq


def _pause_s(refusals: int) -> float:
    return min(PAUSE_S * 2.0**refusals, PAUSE_S_MAX)
