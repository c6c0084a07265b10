"""A writer on a replicated log under load, its acks and its readers."""

import asyncio
import time
from bisect import bisect_left
from contextlib import suppress
from itertools import pairwise

import nats.errors
from tests.integration.runtime.nodes import trade

from mm_bus.bus import Bus
from mm_bus.label import Label
from mm_bus.log_poller import LogPoller
from mm_bus.open_log import open_log
from mm_services.sequencer.appender import Appender
from mm_wire.chain import Record
from mm_wire.codec import encode
from mm_wire.subjects import stream, subject

GROUP = "test"
RATE_S = 0.002  # 500 appends a second
BUCKETS_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 6.0, 8.0, 10.0, 15.0, 30.0)


class Load:
    """Appends at a rate, by one writer, and records what was appended and when acks came."""

    def __init__(self, url: str, replicas: int = 3) -> None:
        self.bus, self.reader = Bus(), Bus()
        self.appended: list[tuple[int, bytes]] = []
        self.read: list[Record] = []
        self.stored_s: list[tuple[float, int]] = []
        self._url, self._replicas = url, replicas
        self._tasks: list[asyncio.Task[None]] = []
        self.appender: Appender
        self.poller: LogPoller

    async def start(self) -> None:
        """Make the log, take it over, and begin to write and to read it."""
        for bus in (self.bus, self.reader):
            await bus.connect(self._url, "test")
        await open_log(self.bus, GROUP, self._replicas)
        self.appender = Appender(self.bus, GROUP)
        await self.appender.take()
        await self.appender.start(lambda: None)
        self.poller = LogPoller(self.reader, GROUP, self._take)
        await self.poller.start()
        self._tasks = [asyncio.create_task(self._append()), asyncio.create_task(self._watch())]

    async def _take(self, record: Record) -> None:
        self.read.append(record)

    async def _append(self) -> None:
        number = 0
        while True:
            if self.appender.is_free:
                number += 1
                data = encode(trade(number))
                label = Label("recorder", number, 0, 1, self.appender.writer)
                self.appended.append((await self.appender.append(subject(GROUP, trade(number)), label, data), data))
            await asyncio.sleep(RATE_S)

    async def _watch(self) -> None:
        """When the stored sequence moved."""
        while True:
            seq = self.appender.stored_seq
            if not self.stored_s or self.stored_s[-1][1] != seq:
                self.stored_s.append((time.monotonic(), seq))
            await asyncio.sleep(0.005)

    async def moves(self, more: int = 200, patience_s: float = 60.0) -> None:
        """Wait until so many more are stored."""
        seq = self.appender.stored_seq + more
        async with asyncio.timeout(patience_s):
            while self.appender.stored_seq < seq:
                for bus in (self.bus, self.reader):
                    if bus.failed.done():
                        bus.failed.result()
                await asyncio.sleep(0.01)

    def pause_s(self, since_s: float) -> float:
        """The longest time without a newly stored append since a moment."""
        times = [since_s, *(at_s for at_s, _ in self.stored_s if at_s >= since_s)]
        return max((after - before for before, after in pairwise(times)), default=0.0)

    async def end(self) -> None:
        """Append no more, and read all that was."""
        self._tasks[0].cancel()
        async with asyncio.timeout(60):
            while min(self.appender.stored_seq, len(self.read)) < self.appender.last_seq:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        for task in self._tasks:
            task.cancel()
        await self.appender.stop()
        await self.poller.stop()
        for bus in (self.bus, self.reader):
            await bus.close()

    def check(self) -> None:
        """Everything that was appended is on the log, once and in order."""
        events = [(record.seq, record.data) for record in self.read if not record.is_fence]
        assert events == self.appended
        assert [record.seq for record in self.read] == list(range(1, len(self.read) + 1))

    async def leader(self) -> int:
        """The number of the server that leads the log's stream."""
        async with asyncio.timeout(60):
            while True:
                with suppress(nats.errors.Error, OSError, TimeoutError):
                    info = await self.reader.jetstream.stream_info(stream(GROUP))
                    if info.cluster and info.cluster.leader:
                        return int(info.cluster.leader[1:])
                await asyncio.sleep(0.1)


def histogram(pauses_s: list[float]) -> str:
    """How many pauses were at most so long."""
    counts = [0] * (len(BUCKETS_S) + 1)
    for pause_s in pauses_s:
        counts[bisect_left(BUCKETS_S, pause_s)] += 1
    names = [f"<={bucket:g}s" for bucket in BUCKETS_S] + ["more"]
    shown = " ".join(f"{name}:{count}" for name, count in zip(names, counts, strict=True) if count)
    return f"{shown}  (median {sorted(pauses_s)[len(pauses_s) // 2]:.2f} s, longest {max(pauses_s):.2f} s)"
