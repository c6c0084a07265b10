"""Roots on their way to the sequencer: numbered by their source, pending until stored, sent again on request.

Plain messages may get lost, and either end may be killed: the source repeats what is not confirmed, the sequencer
requests the next number that it expects. A hole is requested again, a repeat dropped. A sequencer whose waiting roots
have become too old requests a GAP instead: then the source gives them up.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import islice
from typing import Annotated

import msgspec
from nats.aio.msg import Msg

from mm_bus.bus import Bus
from mm_bus.malformed import read
from mm_core.events import Event, Root
from mm_core.types import INT64_MAX
from mm_wire.codec import decode, encode
from mm_wire.subjects import ack_subject, root_subject

log = logging.getLogger(__name__)

WINDOW = 1_024  # roots on their way at once
BATCH = 128
BATCH_BYTES = 512 << 10
REPEAT_S = 0.5


Number = Annotated[int, msgspec.Meta(ge=0, le=INT64_MAX)]


class Roots(msgspec.Struct, frozen=True, array_like=True):
    """Consecutive roots of one source, the first of them numbered `first`, counting from 1.

    `skips`: numbers before `first` that are missing were lost at the source, which published a GAP. `ends`: no more
    roots follow; the end takes a number of its own, behind the events. `sent_ns`: the source's clock when it sent
    this, 0 of a replay.
    """

    source: str
    first: Number
    events: list[bytes]
    skips: bool = False
    ends: bool = False
    sent_ns: Number = 0


class RootsAck(msgspec.Struct, frozen=True, array_like=True):
    """The sequencer has stored everything of a source before `number`, and holds everything before `next`.

    `resend`: from `number` on all is to be sent again. `late_ns`: the log is held, because the first root that waits is
    so old: a GAP is to take the place of all that wait.
    """

    number: Number
    resend: bool
    next: Number
    late_ns: Number = 0


def _no_clock() -> int:
    return 0


class RootSource:
    """Sends the roots of one source. Numbers that the log holds already are skipped.

    A restarted replay sends the same roots with the same numbers. A live source goes on behind what the sequencer has,
    sends its clock with them, and calls `skip` when `on_late` is called with how late the log is.
    """

    def __init__(self, bus: Bus, group: str, source: str, clock_ns: Callable[[], int] = _no_clock) -> None:
        self.resent = 0
        self.on_late: Callable[[int], object] = lambda _late_ns: None
        self._clock_ns = clock_ns
        self._last: Event | None = None
        self._bus = bus
        self._group = group
        self._source = source
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode_ack = msgspec.msgpack.Decoder(RootsAck).decode
        self._pending: deque[tuple[int, bytes | None]] = deque()  # None is the end
        self._confirmed: bytes | None = None  # the last root that the log is known to hold
        self._number = 0  # of the last root
        self._acked = self._next = 0
        self._sent = 0  # number of the last root that was sent
        self._skips_at = 0
        self._has_space = asyncio.Event()
        self._is_acked = asyncio.Event()
        self._repeat: asyncio.Task[None] | None = None

    async def start(self) -> int:
        """Wait for the sequencer; the number behind all that it ever received of this source, 1 of a new log."""
        await self._bus.subscribe(ack_subject(self._group, self._source), self._on_ack)
        self._bus.on_reconnect(self._again)
        while not self._is_acked.is_set():
            await self._send(Roots(self._source, 0, [], sent_ns=self._clock_ns()))
            await _either(self._is_acked, REPEAT_S)
        self._repeat = self._bus.begin(self._repeat_unconfirmed())
        return self._next

    def go_on_behind(self, number: int) -> None:
        """Number the next root `number`: a source that does not repeat what it sent before. It must begin with a GAP.

        The sequencer may yet lose what it has and did not store: then the log goes on with that root.
        """
        self._number = self._sent = number - 1
        self._skips_at = number

    @property
    def is_repeating(self) -> bool:
        """True while the sequencer has the next root already, from before a restart."""
        return self._number + 1 < self._next

    @property
    def unconfirmed(self) -> int:
        """Roots that the log is not known to hold."""
        return len(self._pending)

    async def put(self, events: Sequence[Event]) -> None:
        """Send roots; waits while too many are on their way."""
        while len(self._pending) >= WINDOW:
            self._has_space.clear()
            await self._has_space.wait()
        self.offer(events)
        await self.send_new()

    def offer(self, events: Sequence[Event]) -> None:
        """Number roots for `send_new` to send."""
        for event in events:
            self._add(encode(event))
        self._last = events[-1] if events else self._last

    def _add(self, data: bytes | None) -> None:
        self._number += 1
        if self._number >= self._acked:
            self._pending.append((self._number, data))

    def skip(self, events: Sequence[Root]) -> None:
        """Give up what is not confirmed, for these, which begin with a GAP: as old as what the log holds.

        So no Tick comes before the GAP: it would be late too, on a book that is VALID until then.
        """
        is_ending = bool(self._pending) and self._pending[-1][1] is None
        ts_ns, recv_ns = self._oldest()
        self.forget()
        self.offer(
            [
                msgspec.structs.replace(event, ts_ns=min(event.ts_ns, ts_ns), recv_ns=min(event.recv_ns, recv_ns))
                for event in events
            ]
        )
        if is_ending:
            self._add(None)

    def _oldest(self) -> tuple[int, int]:
        """ts_ns and recv_ns of the last root that is confirmed, or of the first that is not, or of the last one."""
        data = self._confirmed or (self._pending[0][1] if self._pending else None)
        first = decode(data) if data is not None else self._last
        return (first.ts_ns, first.recv_ns) if isinstance(first, Root) else (0, 0)

    def forget(self) -> None:
        """Give up what is not confirmed: the next root must be a GAP."""
        self._pending.clear()
        self._sent = self._number
        self._skips_at = self._number + 1
        self._has_space.set()

    async def end(self) -> None:
        """Send that no more roots follow, and wait until the log holds all of them."""
        self._add(None)
        await self.send_new()
        while self._pending:
            self._has_space.clear()
            await self._has_space.wait()

    async def stop(self) -> None:
        """Send nothing more."""
        if self._repeat is not None:
            self._repeat.cancel()

    async def send_new(self) -> None:
        """Send what has not been sent yet, up to a window; the rest follows when the first is confirmed."""
        while self._pending and self._sent < min(self._pending[-1][0], self._pending[0][0] + WINDOW - 1):
            # Numbers are consecutive, so the place of a number follows from the first one's.
            start = max(0, self._sent + 1 - self._pending[0][0])
            await self._send(self._batch(start))

    def _batch(self, start: int) -> Roots:
        events: list[bytes] = []
        first, ends, size = self._pending[start][0], False, 0
        for number, event in islice(self._pending, start, start + BATCH):
            self._sent = number
            if event is None:
                ends = True
                break
            events.append(event)
            size += len(event)
            if size > BATCH_BYTES:
                break
        is_skip = first == self._skips_at
        return Roots(self._source, first, events, skips=is_skip, ends=ends, sent_ns=self._clock_ns())

    async def _send(self, roots: Roots) -> None:
        await self._bus.publish(root_subject(self._group, self._source), self._encode(roots))

    async def _on_ack(self, message: Msg) -> None:
        ack = read(self._decode_ack, message.data)
        self._acked, self._next = max(self._acked, ack.number), max(self._next, ack.next)
        while self._pending and self._pending[0][0] < ack.number:
            self._confirmed = self._pending.popleft()[1]
        self._is_acked.set()
        if len(self._pending) < WINDOW:
            self._has_space.set()
        if ack.late_ns and ack.next > self._skips_at:
            self.on_late(ack.late_ns)
            await self.send_new()
        elif ack.resend or ack.late_ns:
            await self._again()
        else:
            await self.send_new()

    async def _again(self) -> None:
        """Send everything that is not confirmed once more."""
        if self._pending:
            self.resent += 1
            self._sent = self._pending[0][0] - 1
            await self.send_new()

    async def _repeat_unconfirmed(self) -> None:
        """Only the source notices what got lost on its way."""
        while True:
            first = self._pending[0][0] if self._pending else 0
            await asyncio.sleep(REPEAT_S)
            if self._pending and self._pending[0][0] == first:
                log.info("root %d is not confirmed: sending again", first)
                await self._again()


async def _either(event: asyncio.Event, seconds: float) -> None:
    """Wait for the event, at most so long."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
