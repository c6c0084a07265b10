"""Appends to a group's log without holes and without repeats: protocol 7, for the one process that may.

Every append carries the sequence that it must follow, so appends go out without waiting for each other and one that is
refused makes all behind it fail. When there is doubt (an error, silence, a connection that came back), the stream is
asked for its end: what it holds of ours is stored, the rest is sent again.
"""

import asyncio
import json
import logging
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec
from nats.aio.msg import Msg
from nats.js.api import Header

from mm_runtime.bus import Bus, until_available
from mm_runtime.label import HEADER, Label
from mm_wire.subjects import stream

log = logging.getLogger(__name__)

EXPECTED = str(Header.EXPECTED_LAST_SEQUENCE.value)
DOUBT_S = 1.0
# Appends without an ack before the sequencer waits with new roots.
IN_FLIGHT_MAX = 2_000


class LogTakenError(Exception):
    """Something else appends to this log, or it lost events: no one may go on appending to it."""


class _Append(msgspec.Struct):
    seq: int
    subject: str
    headers: dict[str, str]
    data: bytes


class Appender:
    """The end of one log. `writer` must be new for every run."""

    def __init__(self, bus: Bus, group: str, writer: str, last_seq: int) -> None:
        self.last_seq = last_seq  # of the last append, whether its ack is there or not
        self.doubts = 0
        self.writer = writer
        self._bus = bus
        self._stream = stream(group)
        self._in_flight: deque[_Append] = deque()
        self._attempt = 0  # replies name the attempt: errors of earlier ones say nothing any more
        self._inbox = ""
        self._doubting: asyncio.Task[None] | None = None
        self._heard_s = 0.0
        self._on_free: Callable[[], Any] = lambda: None
        self._watch: asyncio.Task[None] | None = None

    async def start(self, on_free: Callable[[], Any]) -> None:
        """Begin to hear acks; `on_free` is called when there is room in flight again."""
        self._on_free = on_free
        self._inbox = self._bus.client.new_inbox()
        await self._bus.subscribe(f"{self._inbox}.*.*", self._on_ack)
        self._bus.on_reconnect(self._on_reconnect)
        self._watch = asyncio.create_task(self._watch_acks())

    async def stop(self) -> None:
        """Wait no more for acks."""
        for task in (self._watch, self._doubting):
            if task is not None:
                task.cancel()

    @property
    def stored_seq(self) -> int:
        """The last sequence that is known to be stored."""
        return self._in_flight[0].seq - 1 if self._in_flight else self.last_seq

    @property
    def is_free(self) -> bool:
        """False while more appends are in flight than should be."""
        return len(self._in_flight) < IN_FLIGHT_MAX and self._doubting is None

    async def append(self, subject: str, label: Label, data: bytes) -> int:
        """Append an event and return its sequence, which is final."""
        self.last_seq += 1
        headers = label.headers()
        headers[EXPECTED] = str(self.last_seq - 1)
        append = _Append(self.last_seq, subject, headers, data)
        self._in_flight.append(append)
        if self._doubting is None:
            await self._send(append)
        return self.last_seq

    async def _send(self, append: _Append) -> None:
        reply = f"{self._inbox}.{self._attempt}.{append.seq}"
        await self._bus.publish(append.subject, append.data, reply, append.headers)

    async def _on_ack(self, message: Msg) -> None:
        attempt, seq = (int(token) for token in message.subject.rsplit(".", 2)[1:])
        self._heard_s = asyncio.get_running_loop().time()
        if not message.data or b'"error"' in message.data:
            if attempt == self._attempt and seq > self.stored_seq:
                reason = json.loads(message.data)["error"].get("description") if message.data else "no stream answers"
                self._doubt(f"append {seq} was refused: {reason}")
            return
        # Stored, so everything before it is stored too.
        self._stored(seq)

    def _stored(self, seq: int) -> None:
        was_free = self.is_free
        while self._in_flight and self._in_flight[0].seq <= seq:
            self._in_flight.popleft()
        if not was_free and self.is_free:
            self._on_free()

    async def _on_reconnect(self) -> None:
        self._doubt("the connection was lost")

    async def _watch_acks(self) -> None:
        """Silence is doubt too: an append or its ack may have got lost."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(DOUBT_S / 4)
            if not self._in_flight or not self._bus.is_connected:
                self._heard_s = loop.time()
            elif loop.time() - self._heard_s > DOUBT_S:
                self._doubt("no ack came")

    def _doubt(self, reason: str) -> None:
        if self._doubting is None:
            log.warning("%s: asking the stream for its end", reason)
            self.doubts += 1
            self._doubting = asyncio.create_task(self._resolve())
            self._doubting.add_done_callback(self._resolved)

    async def _resolve(self) -> None:
        """Find the end of the stream and send again what it does not hold."""
        info = await until_available(lambda: self._bus.jetstream.stream_info(self._stream))
        last_seq = int(info.state.last_seq)
        if last_seq < self.stored_seq:
            raise LogTakenError(
                f"the log {self._stream} lost events: it ends at {last_seq}, {self.stored_seq} was stored"
            )
        ours = next((append for append in self._in_flight if append.seq == last_seq), None)
        if last_seq > self.stored_seq and not (ours and await self._is_ours(ours)):
            raise LogTakenError(f"a second sequencer writes the log {self._stream}: event {last_seq} is not ours")
        self._attempt += 1
        self._stored(last_seq)
        self._heard_s = asyncio.get_running_loop().time()
        sent_seq = last_seq
        while unsent := [append for append in self._in_flight if append.seq > sent_seq]:
            for append in unsent:
                await self._send(append)
                sent_seq = append.seq
        self._doubting = None  # at once: an append that comes now is sent by itself

    async def _is_ours(self, append: _Append) -> bool:
        """True if the stream holds exactly this append, by this run."""
        message = await until_available(lambda: self._bus.jetstream.get_msg(self._stream, append.seq))
        stored = (message.headers or {}).get(HEADER), message.data
        return stored == (append.headers[HEADER], append.data)

    def _resolved(self, task: "asyncio.Task[None]") -> None:
        self._bus.ended(task)
        if self._doubting is None:
            self._on_free()
