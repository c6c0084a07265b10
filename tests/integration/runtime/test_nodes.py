"""Nodes die and their reports get lost: the log does not show it."""

import asyncio

import msgspec
import numpy as np
import pytest
from tests.integration.runtime.group import MADE_BY, FragileBus, beside, publish_all, running, until
from tests.integration.runtime.nodes import STATE, book, market, plain_log, small_nodes
from tests.integration.runtime.proxy import Fate, every, proxy_to
from tests.integration.runtime.server import GROUP, Server, log_of, stored

from mm_bus.checkpoints import Checkpoints
from mm_bus.reports import Report
from mm_core.node import Node
from mm_core.types import InputError
from mm_wire.codec import decode, encode
from mm_wire.subjects import QUOTER, RISK, report_subject, stream


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mm_services.sequencer.sequencer.RESEND_S", 0.1)


def new_node(name: str) -> Node:
    """A node without memory."""
    return next(node for node in small_nodes() if node.name == name)


def test_lost_reports_are_requested_again(server: Server) -> None:
    roots = market(40)

    async def run() -> int:
        async with proxy_to(server) as proxy, running(server.url) as group:
            _, sequencer = await group.sequencer()
            proxy.sent = every(41, Fate.DROP, lambda name, _: ".report." in name)
            await group.nodes(url=proxy.url)
            await beside(group, publish_all(group, await group.source(), roots))
            return sequencer.counts.resends

    assert asyncio.run(run()) > 2
    assert asyncio.run(log_of(server)) == plain_log(roots)


@pytest.mark.parametrize("flushes", [True, False], ids=["its report arrives", "its report is lost"])
@pytest.mark.parametrize("checkpoint_events", [5, 1_000_000], ids=["with checkpoint", "without checkpoint"])
def test_a_node_killed_as_it_reports_continues(server: Server, checkpoint_events: int, *, flushes: bool) -> None:
    roots = market(60)

    async def run() -> list[int]:
        resumed = []
        async with running(server.url) as group:
            await group.sequencer()
            for node in small_nodes():
                if node.name != RISK:
                    await group.node(node, checkpoint_events=checkpoint_events)

            async def restart_risk() -> None:
                for dies_at in (3, 20, 40, 60, 85):
                    bus = FragileBus(dies_at, flushes=flushes)
                    loop = await group.node(new_node(RISK), bus, checkpoint_events=checkpoint_events)
                    resumed.append(loop.resumed_at)
                    await bus.died.wait()
                    await group.kill(bus)
                await group.node(new_node(RISK), checkpoint_events=checkpoint_events)

            killing = asyncio.create_task(restart_risk())
            await beside(group, publish_all(group, await group.source(), roots))
            await killing
        return resumed

    resumed = asyncio.run(run())
    assert max(resumed) > 1 if checkpoint_events == 5 else set(resumed) == {1}
    assert asyncio.run(log_of(server)) == plain_log(roots)


def test_a_checkpoint_is_the_state_before_a_root(server: Server) -> None:
    roots = market(60)

    async def run() -> tuple[int, bytes]:
        async with running(server.url) as group:
            await group.sequencer()
            await group.nodes(checkpoint_events=7)
            await beside(group, publish_all(group, await group.source(), roots))
            loop = group.loops[QUOTER]
            await until(lambda: loop._saving is not None and loop._saving.done())
            checkpoint = await Checkpoints(await group.connect(), GROUP, QUOTER, MADE_BY).open()
            assert checkpoint is not None
            return checkpoint.next_seq, checkpoint.state()

    next_seq, state = asyncio.run(run())
    plain = new_node(QUOTER)
    log = asyncio.run(stored(server))
    for seq, data in log:
        if seq == next_seq:
            assert hasattr(decode(data), "root_seq")
        if seq < next_seq and isinstance(event := decode(data), plain.inputs):
            plain.step(event)
    assert next_seq > 100
    assert state == plain.dump() != np.zeros(1, STATE).tobytes()


def test_a_checkpoint_of_another_configuration_is_refused(server: Server) -> None:
    async def run() -> None:
        async with running(server.url) as group:
            await group.sequencer()
            store = Checkpoints(await group.connect(), GROUP, QUOTER, MADE_BY)
            await store.open()
            await store.put(2, new_node(QUOTER).dump())
            await group.node(new_node(QUOTER), made_by="another one")

    with pytest.raises(InputError, match="checkpoint of quoter in MM_test_STATE: made by another core, configuration"):
        asyncio.run(run())


def test_a_checkpoint_of_an_earlier_log_is_passed_over(server: Server) -> None:
    async def run() -> int:
        async with running(server.url) as group:
            bus, _ = await group.sequencer()
            store = Checkpoints(await group.connect(), GROUP, QUOTER, MADE_BY)
            await store.open()
            await store.put(2, new_node(QUOTER).dump())
            assert (await group.node(new_node(QUOTER))).resumed_at == 2
            await group.kill_node(QUOTER)
            await group.kill(bus)
            other = await group.connect()
            await other.jetstream.delete_stream(stream(GROUP))
            await group.sequencer()
            return (await group.node(new_node(QUOTER))).resumed_at

    assert asyncio.run(run()) == 1


def test_what_a_node_may_not_publish_is_refused_and_its_right_report_is_taken(server: Server) -> None:
    roots = market(20)

    async def run() -> None:
        async with running(server.url) as group:
            _, sequencer = await group.sequencer()
            bus = await group.connect()
            source = await group.source()
            await source.put(roots)
            await until(lambda: sequencer.status()["waits_for"]["nodes"] != [])
            waits = sequencer.status()["waits_for"]
            for node in waits["nodes"]:
                false = Report([(waits["seq"], [encode(book(1, 1)), encode(roots[1])])])
                await bus.publish(report_subject(GROUP, node), msgspec.msgpack.encode(false))
                await bus.publish(report_subject(GROUP, node), b"\xc1")
                no_event = Report([(waits["seq"], [b"\xc1"])])
                await bus.publish(report_subject(GROUP, node), msgspec.msgpack.encode(no_event))
            nobody = Report([(waits["seq"], [])])
            await bus.publish(report_subject(GROUP, "nobody"), msgspec.msgpack.encode(nobody))
            await until(lambda: sequencer.counts.reports_refused == 3 * len(waits["nodes"]))
            await until(lambda: sequencer.counts.reports_late == 1)
            assert sequencer.status()["waits_for"] == waits
            await group.nodes()
            await beside(group, publish_all(group, source, []))

    asyncio.run(run())
    assert asyncio.run(log_of(server)) == plain_log(roots)
