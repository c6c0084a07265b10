"""Reads a group's log for those who need not hear it at once: many events at a time, and nothing is owed for them.

Asks the stream directly for the events behind the last one. So the server keeps nothing for us, no event wakes anybody,
and what got lost on its way is asked for again.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from nats.aio.msg import Msg
from nats.js.api import Header

from mm_core.types import IntegrityError
from mm_runtime.bus import Bus
from mm_runtime.label import HEADER
from mm_runtime.log_reader import STATUS
from mm_wire.chain import FIRST, Record, name_of
from mm_wire.subjects import stream

log = logging.getLogger(__name__)

POLL_S = 0.05
ANSWER_S = 2.0
BATCH = 1_000
BATCH_BYTES = 4 << 20
SEQUENCE, PENDING = "Nats-Sequence", "Nats-Num-Pending"
NAME = str(Header.MSG_ID.value)
Take = Callable[[Record], Awaitable[None]]


class LogPoller:
    """Gives `take` every record of a log from `next_seq` on, one after the other; it may wait for anything.

    `name` is that of the record before, "" to begin the chain with the first one. IntegrityError if a record does not
    follow the one before it.
    """

    def __init__(self, bus: Bus, group: str, take: Take, next_seq: int = 1, name: str = FIRST) -> None:
        self.next_seq = next_seq
        self.event_seq = 0  # of the last event; what is behind it is none
        self.pending = 0  # events behind the last batch that the server had then
        self._bus = bus
        self._take_record = take
        self._name = name
        self._question = f"$JS.API.DIRECT.GET.{stream(group)}"
        self._stream = stream(group)
        self._inbox = ""
        self._asked = 0  # answers to earlier questions are of no use
        self._answer: list[Msg] = []
        self._answered = asyncio.Event()
        self._work: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin; the stream must be there."""
        self._inbox = self._bus.client.new_inbox()
        await self._bus.subscribe(f"{self._inbox}.*", self._on_answer, at_once=True)
        self._bus.on_reconnect(self._give_up_answer)
        self._work = self._bus.begin(self._read())

    async def stop(self) -> None:
        """Hear no more."""
        if self._work is not None:
            self._work.cancel()

    async def _read(self) -> None:
        while True:
            for message in await self._ask():
                await self._take(message)
            if not self.pending:
                await asyncio.sleep(POLL_S)

    async def _ask(self) -> list[Msg]:
        """The next events, none if there are none or the server does not answer in time."""
        self._asked += 1
        self._answer = []
        self._answered.clear()
        question = {"seq": self.next_seq, "batch": BATCH, "max_bytes": BATCH_BYTES}
        await self._bus.publish(self._question, json.dumps(question).encode(), f"{self._inbox}.{self._asked}")
        with suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_S):
                await self._answered.wait()
        return self._answer

    async def _on_answer(self, message: Msg) -> None:
        if int(message.subject.rsplit(".", 1)[1]) != self._asked:
            return
        headers = message.headers or {}
        if STATUS not in headers:
            self._answer.append(message)
            return
        self.pending = int(headers.get(PENDING, 0))
        self._answered.set()

    async def _give_up_answer(self) -> None:
        """Its rest was lost with the connection."""
        self._answered.set()

    async def _take(self, message: Msg) -> None:
        headers = message.headers or {}
        seq = int(headers[SEQUENCE])
        if seq != self.next_seq:
            return  # what was lost before it with the connection is asked for again, and then this one too
        record = Record(seq, headers.get(HEADER, ""), headers.get(NAME, ""), message.data)
        if (self._name or seq == 1) and name_of(self._name, record.label, record.data) != record.name:
            raise IntegrityError(
                f"the log {self._stream} is damaged at {seq}: its message does not follow the one before; "
                "restore it from its file"
            )
        self.next_seq, self._name = seq + 1, record.name
        if not record.is_fence:
            self.event_seq = seq
        await self._take_record(record)
