"""A log at three servers: no kill loses or doubles anything, and no older writer gets behind a newer one."""

import asyncio
import time
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.cluster.load import GROUP, Load, histogram
from tests.cluster.servers import Cluster
from tests.integration.runtime.group import failure, running, until
from tests.integration.runtime.nodes import trade
from tests.integration.runtime.proxy import Fate, is_append, proxy_to
from tests.integration.runtime.server import Server
from tests.integration.runtime.test_restore import records
from tests.integration.runtime.test_two_sequencers import append_numbers

from mm_bus.fence import FENCES
from mm_bus.open_log import open_log
from mm_bus.restore import check_stream, restore
from mm_bus.step_down import step_down
from mm_services.sequencer.appender import Appender, LogTakenError
from mm_wire.codec import encode
from mm_wire.subjects import stream

pytestmark = pytest.mark.slow
KILLS = 10


@pytest.mark.parametrize("who", ["leader", "follower"])
def test_a_killed_server_loses_and_doubles_nothing(cluster: Cluster, who: str) -> None:
    """Under load, again and again; each is started again and must catch up with the others."""

    async def run() -> tuple[list[float], Load]:
        load = Load(cluster.url)
        await load.start()
        await load.moves(300)
        pauses_s = []
        for _ in range(KILLS):
            leader = await load.leader()
            victim = leader if who == "leader" else (leader + 1) % 3
            killed_s = time.monotonic()
            cluster.kill(victim)
            await load.moves(400)
            pauses_s.append(load.pause_s(killed_s))
            cluster.begin(victim)
            await asyncio.to_thread(cluster.wait, victim)
        await load.end()
        return pauses_s, load

    pauses_s, load = asyncio.run(run())
    print(f"\n{KILLS} kills of a {who}, {len(load.appended)} appends: {histogram(pauses_s)}")  # noqa: T201
    load.check()
    assert max(pauses_s) < (15 if who == "leader" else 2)


def test_a_leader_that_steps_down_is_hardly_noticed(cluster: Cluster) -> None:
    async def run() -> tuple[list[float], list[float], Load]:
        load = Load(cluster.url)
        await load.start()
        await load.moves(300)
        pauses_s, seconds = [], []
        for _ in range(KILLS):
            begun_s = time.monotonic()
            before, after, took_s = await step_down(load.reader, GROUP)
            assert before != after
            await load.moves(300)
            pauses_s.append(load.pause_s(begun_s))
            seconds.append(took_s)
        await load.end()
        return pauses_s, seconds, load

    pauses_s, seconds, load = asyncio.run(run())
    print(f"\n{KILLS} step-downs: without appends {histogram(pauses_s)}; until led {histogram(seconds)}")  # noqa: T201
    load.check()
    assert max(pauses_s) < 5


@pytest.mark.parametrize("held", [1, 5, 400])
def test_nothing_of_an_older_writer_is_stored_behind_a_newer_one(cluster: Cluster, held: int) -> None:
    """Appends that name the sequence which a newer writer's first ones have: they were on their way when it began."""

    async def run() -> tuple[BaseException, list[bytes]]:
        server = cast("Server", SimpleNamespace(port=cluster.port(0)))
        async with proxy_to(server) as proxy, running(cluster.url) as group:
            released = asyncio.Event()

            async def hold(name: str, message: bytes) -> Fate:
                if is_append(name, message):
                    await released.wait()
                return Fate.PASS

            await open_log(await group.connect(), GROUP, 3)
            older = await started(await group.connect(url=proxy.url))
            proxy.sent = hold
            await append_numbers(older, range(held))
            newer = await started(await group.connect())
            await append_numbers(newer, range(1000, 1001))
            await until(lambda: newer.stored_seq == newer.last_seq)
            released.set()
            error = await failure(older._bus)
            await group.kill(older._bus)
            await append_numbers(newer, range(1001, 1003))
            await until(lambda: newer.stored_seq == newer.last_seq)
            found = await records(group)
            assert len(found) == 2 * FENCES + 3
            return error, [record.data for record in found if not record.is_fence]

    error, events = asyncio.run(run())
    assert isinstance(error, LogTakenError)
    assert events == [encode(trade(number)) for number in (1000, 1001, 1002)]


async def started(bus: Any) -> Appender:
    """A writer that has taken the log over."""
    appender = Appender(bus, GROUP)
    await appender.take()
    await appender.start(lambda: None)
    return appender


def test_a_writer_is_never_further_ahead_than_the_fence_is_long(cluster: Cluster) -> None:
    async def run() -> None:
        async with running(cluster.url) as group:
            await open_log(await group.connect(), GROUP, 3)
            appender = await started(await group.connect())
            for number in range(3_000):
                await append_numbers(appender, range(number, number + 1))
                assert appender.last_seq - appender.stored_seq <= FENCES
            await until(lambda: appender.stored_seq == appender.last_seq)

    asyncio.run(run())


def test_a_log_is_restored_to_three_servers(cluster: Cluster) -> None:
    async def run() -> None:
        async with running(cluster.url) as group:
            bus = await group.connect()
            await open_log(bus, GROUP, 3)
            appender = await started(await group.connect())
            await append_numbers(appender, range(500))
            await until(lambda: appender.stored_seq == appender.last_seq)
            await group.kill(appender._bus)
            copied = await records(group)
            await bus.jetstream.delete_stream(stream(GROUP))
            await restore(bus, GROUP, copied, replicas=3)
            assert await records(group) == copied
            assert await check_stream(bus, GROUP, copied[-1].seq, copied[-1].name) == copied[-1].seq
            again = await started(await group.connect())
            await append_numbers(again, range(3))
            await until(lambda: again.stored_seq == again.last_seq)

    asyncio.run(run())
