"""A sequencer that is killed at any moment, and another that takes up its log."""

import asyncio
from random import Random

import pytest
from tests.integration.runtime.group import FragileBus, Group, beside, running, say_all
from tests.integration.runtime.nodes import market, plain_log
from tests.integration.runtime.server import Server, log_of


async def keep_one(group: Group, deaths: list[int], *, flushes: bool) -> None:
    """Sequencers one after the other, each killed at one of its appends; the last one stays."""
    for dies_at in deaths:
        bus = FragileBus(dies_at, flushes=flushes)
        await group.sequencer(bus)
        await bus.died.wait()
        await group.kill(bus)
    await group.sequencer()


@pytest.mark.parametrize("flushes", [True, False], ids=["what was said arrives", "what was said last is lost"])
def test_killed_at_any_append_another_goes_on_with_the_same_log(server: Server, *, flushes: bool) -> None:
    roots = market(60)
    random = Random(7)  # noqa: S311
    deaths = [random.choice([1, 1, 2, 3, 4, 5, 9, 17]) for _ in range(30)]

    async def run() -> None:
        async with running(server.url) as group:
            await (await group.sequencer())[1].stop()
            await group.kill(group.buses[-1])
            await group.nodes()
            keeping = asyncio.create_task(keep_one(group, deaths, flushes=flushes))
            source = await group.source()
            await beside(group, say_all(group, source, roots))
            await keeping

    asyncio.run(run())
    assert asyncio.run(log_of(server)) == plain_log(roots)
