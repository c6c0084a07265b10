"""nats-server is killed while roots flow, and comes back with its data: the log is the undisturbed one."""

import asyncio

from tests.integration.runtime.group import beside, publish_all, running, until
from tests.integration.runtime.nodes import market, plain_log
from tests.integration.runtime.server import Server, log_of


def test_the_server_killed_several_times_while_roots_flow(server: Server) -> None:
    roots = market(120)

    async def run() -> None:
        async with running(server.url) as group:
            await group.sequencer()
            await group.nodes(checkpoint_events=40)
            source = await group.source()
            publishing = asyncio.create_task(publish_all(group, source, roots))
            for stored in (20, 150, 300, 450, 600):
                await until(lambda: group.writer._appender.stored_seq >= stored)  # noqa: B023
                server.kill()
                await asyncio.to_thread(server.start)
            await beside(group, publishing)
            assert all(bus.reconnects >= 4 for bus in group.buses)

    asyncio.run(run())
    assert asyncio.run(log_of(server)) == plain_log(roots)


def test_an_outage_in_which_everyone_waits(server: Server) -> None:
    """Roots go on while the server is away; sequencer and nodes are killed meanwhile too."""
    roots = market(90)

    async def run() -> None:
        async with running(server.url) as group:
            bus, _ = await group.sequencer()
            await group.nodes(checkpoint_events=40)
            source = await group.source()
            await source.put(roots[:40])
            await until(lambda: group.writer.status()["last_seq"] > 60)
            server.kill()
            source.offer(roots[40:])
            await until(lambda: not any(each.is_connected for each in group.buses))
            await group.kill(bus)
            await asyncio.to_thread(server.start)
            await group.sequencer()
            await beside(group, publish_all(group, source, []))

    asyncio.run(run())
    assert asyncio.run(log_of(server)) == plain_log(roots)
