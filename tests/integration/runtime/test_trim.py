"""A log that is trimmed while it grows: bounded, and the same as one that is not, whoever is restarted."""

import asyncio
from typing import Any

import pytest
from tests.integration.runtime.group import Group, failure, running, until
from tests.integration.runtime.nodes import NAME, gap, instrument, market, plain_log
from tests.integration.runtime.server import GROUP, Server
from tests.integration.runtime.test_damage import kill_all
from tests.integration.runtime.test_nodes import new_node

from mm_bus.bus import Bus
from mm_bus.log_check import LogTrimmedError
from mm_bus.log_end import read_end
from mm_bus.log_poller import LogPoller
from mm_bus.trim import STAYS, Trimmer
from mm_core.types import IntegrityError
from mm_service.node_loop import defined_instrument
from mm_wire.chain import Record
from mm_wire.subjects import ARCHIVER, QUOTER, RECORDER, status_subject, stream

BYTES_MAX = 120_000
BATCH = 60
ROOTS = [instrument(), gap(0), *market(600)[1:]]


class Copy:
    """An archiver with a file: it reads the log from its beginning and reports how far it is."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.has_file = True
        self.poller: LogPoller

    async def start(self, bus: Bus) -> None:
        """Begin to read, and to answer."""
        self.poller = LogPoller(bus, GROUP, self._take)
        await self.poller.start()
        await bus.answer(status_subject(GROUP, ARCHIVER), self._status)

    async def _take(self, record: Record) -> None:
        self.records.append(record)

    async def _status(self, _: Any) -> dict[str, int]:
        return {"stored_seq": len(self.records)} | ({"file_seq": len(self.records)} if self.has_file else {})

    @property
    def events(self) -> list[bytes]:
        """What was read that is an event."""
        return [record.data for record in self.records if not record.is_fence]


def test_a_trimmed_log_is_bounded_and_decides_as_any(server: Server) -> None:
    async def run() -> tuple[list[bytes], list[int], int]:
        copy, sizes, trims = Copy(), [], 0
        async with running(server.url) as group:
            bus, _ = await group.sequencer()
            await copy.start(await group.connect())
            await group.nodes(checkpoint_events=10)
            source = await group.source()
            for first in range(0, len(ROOTS), BATCH):
                await source.put(ROOTS[first : first + BATCH])
                await until(lambda: source.unconfirmed == 0)
                await until(lambda: len(copy.records) == group.writer._appender.last_seq)
                trimmer = Trimmer(bus, GROUP, BYTES_MAX)
                await trimmer.trim()
                sizes.append(trimmer.stream_bytes)
                trims += trimmer.trims
                await group.kill_node(QUOTER)
                await group.node(new_node(QUOTER), checkpoint_events=10)
                if first % (2 * BATCH) == 0:
                    await group.kill(bus)
                    bus, _ = await group.sequencer()
            await source.end()
            await until(lambda: group.writer.status()["ended"])
            await until(lambda: len(copy.records) == group.writer._appender.last_seq)
            end = await read_end(await group.connect(), GROUP, group.writer._appender.last_seq)
            assert end.instrument_id == NAME
            assert (await defined_instrument(await group.connect(), GROUP)).instrument_id == NAME
        return copy.events, sizes, trims

    events, sizes, trims = asyncio.run(run())
    assert events == plain_log(ROOTS)
    assert trims >= 5
    assert max(sizes) <= 1.6 * BYTES_MAX  # a node with few inputs is far behind with its state
    assert sizes[-1] < sizes[len(sizes) // 2] * 1.3
    assert sum(len(data) for data in events) > 1.5 * BYTES_MAX


async def long_log(group: Group, copy: Copy) -> Bus:
    """A log above the limit; the sequencer's connection."""
    bus, _ = await group.sequencer()
    await copy.start(await group.connect())
    await group.nodes(checkpoint_events=10)
    source = await group.source()
    await source.put(ROOTS[:400])
    await until(lambda: source.unconfirmed == 0)
    await until(lambda: len(copy.records) == group.writer._appender.last_seq)
    return bus


def test_nothing_is_trimmed_that_is_not_on_file(server: Server) -> None:
    async def run() -> tuple[int, int]:
        copy = Copy()
        copy.has_file = False
        async with running(server.url) as group:
            trimmer = Trimmer(await long_log(group, copy), GROUP, BYTES_MAX)
            await trimmer.trim()
            return trimmer.first_seq, trimmer.trims

    assert asyncio.run(run()) == (1, 0)


def test_what_was_trimmed_is_not_requested_of_the_log(server: Server) -> None:
    """A reader from the beginning, and a node that has lost its state, get an error with where the log begins."""

    async def run() -> None:
        copy = Copy()
        async with running(server.url) as group:
            trimmer = Trimmer(await long_log(group, copy), GROUP, BYTES_MAX)
            await trimmer.trim()
            assert trimmer.first_seq > 100
            assert trimmer.stream_bytes <= BYTES_MAX * (STAYS + 0.02)
            bus = await group.connect()
            await Copy().start(bus)
            error = await failure(bus)
            assert isinstance(error, LogTrimmedError)
            assert f"begins at {trimmer.first_seq}, and 1 is requested" in str(error)
            await kill_all(group)
            bus = await group.connect()
            await (await bus.jetstream.key_value("MM_test_STATE")).delete(QUOTER)
            with pytest.raises(LogTrimmedError):
                await group.node(new_node(QUOTER))

    asyncio.run(run())


def test_a_sequencer_that_takes_up_a_trimmed_log_knows_each_last_root(server: Server) -> None:
    async def run() -> None:
        copy = Copy()
        async with running(server.url) as group:
            bus = await long_log(group, copy)
            last_seq = group.writer._appender.last_seq
            before = await read_end(bus, GROUP, last_seq)
            await Trimmer(bus, GROUP, BYTES_MAX).trim()
            after = await read_end(bus, GROUP, last_seq)
            assert after == before
            assert after.sources[RECORDER] == 400
            await bus.jetstream.delete_msg(stream(GROUP), last_seq)
            with pytest.raises(IntegrityError):
                await read_end(bus, GROUP, last_seq)
            await kill_all(group)

    asyncio.run(run())
