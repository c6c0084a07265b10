"""A sequencer that is killed at any moment, and another that takes up its log."""

import asyncio
from random import Random

import pytest
from tests.integration.runtime.group import FragileBus, Group, beside, publish_all, running
from tests.integration.runtime.nodes import market, plain_log
from tests.integration.runtime.server import Server, log_of


async def restart_one(group: Group, deaths: list[int], *, flushes: bool) -> None:
    """Sequencers one after the other, each killed at one of its appends; the last one stays."""
    for dies_at in deaths:
        bus = FragileBus(dies_at, flushes=flushes)
        await group.sequencer(bus)
        await bus.died.wait()
        await group.kill(bus)
    await group.sequencer()


@pytest.mark.parametrize("flushes", [True, False], ids=["what was sent arrives", "what was sent last is lost"])
def test_killed_at_any_append_another_continues_the_same_log(server: Server, *, flushes: bool) -> None:
    roots = market(60)
    random = Random(7)  # noqa: S311
    deaths = [random.choice([1, 1, 2, 3, 4, 5, 9, 17]) for _ in range(30)]

    async def run() -> None:
        async with running(server.url) as group:
            await (await group.sequencer())[1].stop()
            await group.kill(group.buses[-1])
            await group.nodes()
            killing = asyncio.create_task(restart_one(group, deaths, flushes=flushes))
            source = await group.source()
            await beside(group, publish_all(group, source, roots))
            await killing

    asyncio.run(run())
    assert asyncio.run(log_of(server)) == plain_log(roots)
