"""Roots get lost, repeated and mixed up, and their sources and the sequencer die: each is on the log once, in order."""

import asyncio

import msgspec
import pytest
from tests.integration.runtime.group import Group, beside, publish_all, running, until
from tests.integration.runtime.nodes import gap, intent, market, plain_log, trade
from tests.integration.runtime.proxy import Fate, every, proxy_to, some
from tests.integration.runtime.server import GROUP, Server, log_of

from mm_bus.roots import Roots, RootSource
from mm_core.events import RootEvent
from mm_wire.codec import encode
from mm_wire.subjects import QUOTER, RECORDER, root_subject

FEW = 8  # roots in a batch


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mm_bus.roots.BATCH", FEW)
    monkeypatch.setattr("mm_bus.roots.REPEAT_S", 0.1)
    monkeypatch.setattr("mm_services.sequencer.sequencer.RESEND_S", 0.1)


@pytest.mark.parametrize("subject", [f"mm.{GROUP}.root.", f"mm.{GROUP}.ack."], ids=["roots", "acks to the source"])
def test_lost_batches_are_sent_again(server: Server, subject: str) -> None:
    roots = market(150)

    async def run() -> int:
        async with proxy_to(server) as proxy, running(server.url) as group:
            await group.sequencer()
            await group.nodes()
            source = await group.source(url=proxy.url)
            proxy.sent = proxy.received = some(0.3, Fate.DROP, lambda name, _: name.startswith(subject))
            source.offer(roots)
            await source.send_new()
            await beside(group, publish_all(group, source, []))
            return source.resent

    assert asyncio.run(run()) > 0
    assert asyncio.run(log_of(server)) == plain_log(roots)


def test_batches_may_come_in_any_order_and_more_than_once(server: Server) -> None:
    roots = market(30)
    encoded = [encode(root) for root in roots]

    async def run() -> None:
        async with running(server.url) as group:
            _, sequencer = await group.sequencer()
            await group.nodes()
            bus = await group.connect()
            for first, last in ((1, 5), (10, 20), (3, 8), (1, 5), (8, 12), (40, 41), (5, 30), (12, 20)):
                batch = Roots(RECORDER, first, encoded[first - 1 : last])
                await bus.publish(root_subject(GROUP, RECORDER), msgspec.msgpack.encode(batch))
            await until(lambda: sequencer._intake._next.get(RECORDER) == 31)
            assert sequencer.status()["holes"] == 2
            source = await group.source()
            await beside(group, publish_all(group, source, roots))

    asyncio.run(run())
    assert asyncio.run(log_of(server)) == plain_log(roots)


def test_roots_that_only_the_memory_of_the_sequencer_holds_are_repeated_by_their_source(server: Server) -> None:
    """A hole is requested with the number behind what is stored, not behind what has come."""
    roots = market(30)

    async def run() -> None:
        async with proxy_to(server) as proxy, running(server.url) as group:
            bus, sequencer = await group.sequencer()
            source = await group.source(url=proxy.url)
            proxy.sent = every(3, Fate.DROP, lambda name, _: ".root." in name)
            source.offer(roots)
            await source.send_new()
            await until(lambda: sequencer.status()["holes"] > 0 and sequencer._intake._next[RECORDER] > 2 * FEW)
            await group.kill(bus)
            await group.sequencer()
            await group.nodes()
            await beside(group, publish_all(group, source, []))

    asyncio.run(run())
    assert asyncio.run(log_of(server)) == plain_log(roots)


def test_a_replay_that_is_killed_sends_all_again_and_the_log_holds_it_once(server: Server) -> None:
    roots = market(60)

    async def run() -> None:
        async with running(server.url) as group:
            await group.sequencer()
            await group.nodes()
            for part in (20, 45):
                source = await group.source()
                await source.put(roots[:part])
                await until(lambda: source._acked > part - 10)  # noqa: B023
                await group.kill(source._bus)
            await beside(group, publish_all(group, await group.source(), roots))

    asyncio.run(run())
    assert asyncio.run(log_of(server)) == plain_log(roots)


def test_the_log_ends_once_however_often_the_end_is_sent(server: Server) -> None:
    roots = market(20)

    async def run() -> None:
        async with running(server.url) as group:
            bus, _ = await group.sequencer()
            await group.nodes()
            await beside(group, publish_all(group, await group.source(), roots))
            for _ in range(2):
                await group.kill(bus)
                bus, sequencer = await group.sequencer()
                source = await group.source()
                await beside(group, publish_all(group, source, roots))
                await source.put([trade(1_000)])  # behind the end: dropped
                await until(lambda: source.unconfirmed == 0)  # noqa: B023
                assert sequencer.counts.roots == 0

    asyncio.run(run())
    assert asyncio.run(log_of(server)) == plain_log(roots)


async def stuck(group: Group, roots: list[RootEvent]) -> RootSource:
    """A live source whose roots have all come, of which one is stored: no node is there."""
    await group.sequencer()
    source = await group.source()
    source.offer(roots)
    await source.send_new()
    await until(lambda: group.writer._intake._stored.get(RECORDER) == 1)
    await until(lambda: group.writer._intake._next[RECORDER] == len(roots) + 1)
    return source


LATER: list[RootEvent] = [gap(50), *(trade(number) for number in range(51, 70))]


def test_a_live_source_gives_up_what_is_not_stored_and_goes_on_with_a_gap(server: Server) -> None:
    roots = market(20)

    async def run() -> None:
        async with running(server.url) as group:
            source = await stuck(group, roots)
            await group.kill(group.writer._bus)
            source.forget()
            source.offer(LATER)
            await group.sequencer()
            await group.nodes()
            await beside(group, publish_all(group, source, []))

    asyncio.run(run())
    assert asyncio.run(log_of(server)) == plain_log([*roots[:1], *LATER])


def test_a_replay_that_is_restarted_knows_what_it_repeats(server: Server) -> None:
    roots = market(20)

    async def run() -> list[bool]:
        async with running(server.url) as group:
            await group.sequencer()
            await group.nodes()
            source = await group.source()
            assert not source.is_repeating
            await source.put(roots[:12])
            assert not source.is_repeating
            await until(lambda: source.unconfirmed == 0)
            await group.kill(source._bus)
            source, repeats = await group.source(), []
            for root in roots:
                repeats.append(source.is_repeating)
                source.offer([root])
            await beside(group, publish_all(group, source, []))
            return repeats

    assert asyncio.run(run()) == [True] * 12 + [False] * (len(roots) - 12)
    assert asyncio.run(log_of(server)) == plain_log(roots)


@pytest.mark.parametrize("is_lost", [False, True], ids=["the sequencer lives", "the sequencer dies too"])
def test_a_live_source_that_is_restarted_continues_behind_what_has_come(server: Server, *, is_lost: bool) -> None:
    roots = market(20)

    async def run() -> None:
        async with running(server.url) as group:
            source = await stuck(group, roots)
            await group.kill(source._bus)
            source = RootSource(await group.connect(), GROUP, RECORDER)
            source.go_on_behind(await source.start())
            if is_lost:
                await group.kill(group.writer._bus)
                await group.sequencer()
            await group.nodes()
            await beside(group, publish_all(group, source, LATER))

    asyncio.run(run())
    assert asyncio.run(log_of(server)) == plain_log([*(roots[:1] if is_lost else roots), *LATER])


def test_what_a_source_may_not_publish_is_refused(server: Server) -> None:
    roots = market(20)

    async def run() -> None:
        async with running(server.url) as group:
            _, sequencer = await group.sequencer()
            await group.nodes()
            other = await group.source(QUOTER)
            await other.put([trade(1), intent(0, 1)])
            await until(lambda: other.unconfirmed == 0)
            assert sequencer.counts.roots_refused == 2
            bus = await group.connect()
            await bus.publish(root_subject(GROUP, RECORDER), b"\xc1 no message")
            no_event = msgspec.msgpack.encode(Roots("stranger", 1, [b"\xc1 no event"]))
            await bus.publish(root_subject(GROUP, "stranger"), no_event)
            await until(lambda: sequencer.counts.roots_refused == 3)
            await beside(group, publish_all(group, await group.source(), roots))

    asyncio.run(run())
    assert asyncio.run(log_of(server)) == plain_log(roots)
