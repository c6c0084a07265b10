"""Readers of a log: no hole, no repeat, in order, whatever happens to their consumer and their connection."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from tests.integration.runtime.group import Group, beside, running, until
from tests.integration.runtime.nodes import trade
from tests.integration.runtime.proxy import Fate, every, proxy_to
from tests.integration.runtime.server import GROUP, Server

from mm_bus.bus import Bus
from mm_bus.label import Label
from mm_bus.log_reader import LogReader
from mm_services.sequencer.appender import Appender
from mm_wire.codec import encode
from mm_wire.subjects import stream, subject

DATA = encode(trade(1))
TRADES = subject(GROUP, trade(1))


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mm_bus.log_reader.HEARTBEAT_S", 0.1)


async def append(group: Group, count: int) -> list[int]:
    """Fill a log; the sequences of its events."""
    appender = Appender(await group.connect(), GROUP)
    await appender.take()
    await appender.start(lambda: None)
    seqs = []
    for number in range(count):
        seqs.append(await appender.append(TRADES, Label("recorder", number, 0, 1, appender.writer), DATA))
        if number % 500 == 0:
            await asyncio.sleep(0)
    await beside(group, until_stored(appender))
    return seqs


async def until_stored(appender: Appender) -> None:
    await until(lambda: appender.stored_seq == appender.last_seq)


class Reading:
    """A reader that records the sequences it receives."""

    def __init__(self, bus: Bus, pause: Callable[[int], Awaitable[None]] | None = None) -> None:
        self.seqs: list[int] = []
        self.reader = LogReader(bus, GROUP, [], self._on_event)
        self._pause = pause

    async def _on_event(self, seq: int, _label: Label, data: bytes) -> None:
        assert data == DATA
        if self._pause is not None:
            await self._pause(seq)
        self.seqs.append(seq)


def test_a_slow_reader_of_a_long_log_receives_each_event_once(server: Server) -> None:
    async def slowly(seq: int) -> None:
        await asyncio.sleep(0.02 if seq % 2_500 == 0 else 0)

    async def run() -> None:
        async with running(server.url) as group:
            seqs = await append(group, 50_000)
            reading = Reading(await group.connect(), slowly)
            await reading.reader.start()
            await beside(group, until_read(reading, seqs))
            assert reading.seqs == seqs
            assert reading.reader.resets == 1

    asyncio.run(run())


async def until_read(reading: Reading, seqs: list[int]) -> None:
    await until(lambda: len(reading.seqs) >= len(seqs))


@pytest.mark.parametrize("fate", [Fate.DROP, Fate.CUT, Fate.PASS_AND_CUT])
def test_events_lost_on_the_way_are_read_again(server: Server, fate: Fate) -> None:
    async def run() -> None:
        async with proxy_to(server) as proxy, running(server.url) as group:
            seqs = await append(group, 1_000)
            reading = Reading(await group.connect(url=proxy.url))
            proxy.received = every(333, fate, lambda _, message: DATA in message)
            await reading.reader.start()
            await beside(group, until_read(reading, seqs))
            assert reading.seqs == seqs
            assert reading.reader.resets > 2

    asyncio.run(run())


def test_the_last_event_lost_is_noticed_by_the_heartbeat(server: Server) -> None:
    async def run() -> None:
        async with proxy_to(server) as proxy, running(server.url) as group:
            seqs = await append(group, 10)
            reading = Reading(await group.connect(url=proxy.url))
            proxy.received = every(10, Fate.DROP, lambda _, message: DATA in message)
            await reading.reader.start()
            await beside(group, until_read(reading, seqs))
            assert reading.seqs == seqs

    asyncio.run(run())


def test_a_consumer_that_was_deleted_is_made_anew(server: Server) -> None:
    async def run() -> None:
        async with running(server.url) as group:
            seqs = await append(group, 10)
            bus = await group.connect()
            reading = Reading(bus)
            await reading.reader.start()
            await beside(group, until_read(reading, seqs))
            for consumer in await bus.jetstream.consumers_info(stream(GROUP)):
                await bus.jetstream.delete_consumer(stream(GROUP), consumer.name)
            seqs += await append(group, 10)
            await beside(group, until_read(reading, seqs))
            assert reading.seqs == seqs

    asyncio.run(run())


def test_what_is_being_delivered_is_not_cut_short_when_the_connection_comes_back(server: Server) -> None:
    async def run() -> None:
        async with proxy_to(server) as proxy, running(server.url) as group:
            seqs = await append(group, 4)
            bus = await group.connect(url=proxy.url)
            begun, reached, released = asyncio.Event(), asyncio.Event(), asyncio.Event()

            async def wait_once(_: int) -> None:
                if begun.is_set():  # its start itself waits for what comes over the bus
                    reached.set()
                    await released.wait()

            reading = Reading(bus, wait_once)
            await reading.reader.start()
            begun.set()
            seqs += await append(group, 6)
            await reached.wait()
            proxy.abort()
            await until(lambda: bus.reconnects == 1)
            reset = asyncio.create_task(reading.reader._reset())  # and another one, for a heartbeat that was missed
            released.set()
            await reset
            await beside(group, until_read(reading, seqs))
            assert reading.seqs == seqs

    asyncio.run(run())


def test_a_reader_that_stops_during_a_reset_stays_stopped(server: Server) -> None:
    async def run() -> None:
        async with running(server.url) as group:
            await append(group, 10)
            reading = Reading(await group.connect())
            await reading.reader.start()
            reset = asyncio.create_task(reading.reader._reset())
            await reading.reader.stop()
            await reset
            assert reading.reader._subscription is None

    asyncio.run(run())
