"""Reads a group's log in batches, for readers that need not receive each event at once. No event needs a reply.

Requests the events behind the last one from the stream. So the server holds no consumer for us, and no event wakes us;
what got lost on its way is requested again.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from nats.aio.msg import Msg
from nats.js.errors import NotFoundError

from mm_bus.bus import Bus
from mm_bus.label import HEADER
from mm_bus.log_check import NAME, LogTrimmedError, check_log, follows, read_message
from mm_bus.log_reader import STATUS
from mm_bus.malformed import MalformedError
from mm_wire.chain import FIRST, Record
from mm_wire.subjects import stream

log = logging.getLogger(__name__)

POLL_S = 0.05
REPLY_S = 2.0
BATCH = 1_000
BATCH_BYTES = 4 << 20
NOT_FOUND = "404"
SEQUENCE, PENDING = "Nats-Sequence", "Nats-Num-Pending"
CHECK_S = 5.0  # so often it is checked that the log still is what was read
Take = Callable[[Record], Awaitable[None]]


class LogPoller:
    """Gives `take` every record of a log from `next_seq` on, one after the other; it may wait for anything.

    `name` is that of the record before, "" to begin the chain with the first one. IntegrityError with the first wrong
    sequence if a record is missing or does not follow the one before it, or the log ends before what was read from it;
    LogTrimmedError if it begins behind `next_seq`.
    """

    def __init__(self, bus: Bus, group: str, take: Take, next_seq: int = 1, name: str = FIRST) -> None:
        self.next_seq = next_seq
        self.event_seq = 0  # of the last event; what is behind it is none
        self.pending = 0  # events behind the last batch that the server had then
        self._bus = bus
        self._take_record = take
        self._name = name
        self._api = f"$JS.API.DIRECT.GET.{stream(group)}"
        self._stream = stream(group)
        self._group = group
        self._checked_s = float("-inf")  # when the end of the log was last requested; at once after a lost connection
        self._inbox = ""
        self._requests = 0  # replies to earlier requests are dropped
        self._batch: list[Msg] = []
        self._has_none = False  # the server has no message from there on
        self._end_seq = 0  # the last one of the log, when its end was last requested
        self._is_complete = asyncio.Event()
        self._work: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin; a stream that is not there yet is waited for."""
        await self._subscribe()
        self._work = self._bus.begin(self._read())

    async def stop(self) -> None:
        """Read no more."""
        if self._work is not None:
            self._work.cancel()

    def read_from(self, next_seq: int, name: str = FIRST) -> None:
        """Give the records from another place on, once more where they were given."""
        self.next_seq, self._name = next_seq, name

    async def read_to(self, last_seq: int) -> None:
        """Instead of `start`: read up to a sequence that is on the log. Errors are raised."""
        subscription = await self._subscribe()
        while self.next_seq <= last_seq:
            await self._read_batch()
        await subscription.unsubscribe()

    async def _subscribe(self) -> Any:
        self._inbox = self._bus.client.new_inbox()
        self._bus.on_reconnect(self._give_up_batch)
        return await self._bus.subscribe(f"{self._inbox}.*", self._on_message, at_once=True)

    async def _read(self) -> None:
        while True:
            await self._read_batch()
            if not self.pending:
                await asyncio.sleep(POLL_S)

    async def _read_batch(self) -> None:
        await self._check_end()
        messages = await self._request_batch()
        first_seq = _sequence(messages[0]) if messages else self._end_seq + 1
        if first_seq > self.next_seq and (messages or self._has_none):
            await self._check_hole()
        elif first_seq == self.next_seq:
            for message in messages:
                await self._take(message)

    async def _check_end(self) -> None:
        """At the start, when the connection came back, and now and then: it must be the log that was read."""
        now_s = asyncio.get_running_loop().time()
        if now_s < self._checked_s + CHECK_S:
            return
        self._checked_s = now_s
        try:
            info = await check_log(self._bus, self._group, self.next_seq, self.next_seq - 1, self._name)
        except NotFoundError:  # nothing was read, and the sequencer has not made it yet
            return
        self._end_seq = info.state.last_seq

    async def _check_hole(self) -> None:
        """The log has the next message, and gives a later one or none: raise what became of it.

        No error if it is there: what is stored at several servers may be read from one that was behind.
        """
        log.warning("the server does not give message %d of the log, and has later ones: checking", self.next_seq)
        try:
            await read_message(self._bus, self._group, self.next_seq)
        except LogTrimmedError:
            await check_log(self._bus, self._group, self.next_seq)
            raise
        await asyncio.sleep(POLL_S)

    async def _request_batch(self) -> list[Msg]:
        """The next events, none if there are none or the server does not reply in time."""
        self._requests += 1
        self._batch = []
        self._has_none = False
        self._is_complete.clear()
        request = {"seq": self.next_seq, "batch": BATCH, "max_bytes": BATCH_BYTES}
        await self._bus.publish(self._api, json.dumps(request).encode(), f"{self._inbox}.{self._requests}")
        with suppress(TimeoutError):
            async with asyncio.timeout(REPLY_S):
                await self._is_complete.wait()
        return self._batch

    async def _on_message(self, message: Msg) -> None:
        if message.subject != f"{self._inbox}.{self._requests}":
            return
        headers = message.headers or {}
        if STATUS not in headers:
            if not headers.get(SEQUENCE, "").isdigit():
                raise MalformedError("no message of the log")
            self._batch.append(message)
            return
        self.pending = int(headers.get(PENDING, 0))
        self._has_none = headers[STATUS] == NOT_FOUND
        self._is_complete.set()

    async def _give_up_batch(self) -> None:
        """The rest of the batch was lost with the connection; the log that comes back may be another one."""
        self._checked_s = float("-inf")
        self._is_complete.set()

    async def _take(self, message: Msg) -> None:
        headers = message.headers or {}
        seq = _sequence(message)
        if seq != self.next_seq:
            return  # what was lost before it with the connection is requested again, and then this one too
        record = Record(seq, headers.get(HEADER, ""), headers.get(NAME, ""), message.data)
        self._name = follows(self._stream, self._name, record)
        self.next_seq = seq + 1
        if not record.is_fence:
            self.event_seq = seq
        await self._take_record(record)


def _sequence(message: Msg) -> int:
    return int((message.headers or {})[SEQUENCE])


async def check_tail(bus: Bus, group: str, read_seq: int, name: str, last_seq: int) -> None:
    """Read a log from behind message `read_seq`, named `name`, to `last_seq`: IntegrityError if it is damaged."""
    await LogPoller(bus, group, _ignore, read_seq + 1, name).read_to(last_seq)


async def _ignore(_: Record) -> None:
    """The poller has checked it."""
