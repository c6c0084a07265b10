"""A damaged log is restored from its records, and the session is resumed to the log of an undisturbed one."""

import asyncio
import itertools
import logging
from pathlib import Path

import pytest
from tests.integration.runtime.group import Group, beside, publish_all, running, until, with_old_copy
from tests.integration.runtime.nodes import market, plain_log
from tests.integration.runtime.server import GROUP, Server, log_of
from tests.integration.runtime.test_damage import damaged_at, flip_in_the_middle, kill_all, truncate

from mm_bus.log_poller import LogPoller
from mm_bus.restore import check_stream, from_copies, restore, set_aside
from mm_core.types import IntegrityError
from mm_wire.chain import Record
from mm_wire.subjects import QUOTER, stream

ROOTS = market(80)
HALF = 50


async def records(group: Group) -> list[Record]:
    """All that the log holds."""
    bus = await group.connect()
    info = await bus.jetstream.stream_info(stream(GROUP))
    found: list[Record] = []

    async def take(record: Record) -> None:
        found.append(record)

    await LogPoller(bus, GROUP, take).read_to(info.state.last_seq)
    return found


async def play(group: Group) -> list[Record]:
    """Half of a session, all parts of which are killed; what its copies hold."""
    await group.sequencer()
    await group.nodes(checkpoint_events=20)
    source = await group.source()
    await source.put(ROOTS[:HALF])
    await until(lambda: source.unconfirmed == 0 and group.loops[QUOTER].checkpoints > 0)
    copied = await records(group)
    await kill_all(group)
    return copied


async def go_on(group: Group) -> None:
    """The rest of the session; the source offers all that it ever sent."""
    await group.sequencer()
    await group.nodes(checkpoint_events=20)
    source = await group.source()
    await beside(group, publish_all(group, source, ROOTS))


@pytest.mark.parametrize("damage", [flip_in_the_middle, truncate])
@pytest.mark.parametrize("clean", [True, False], ids=["stopped", "killed"])
def test_a_damaged_server_is_set_aside_and_its_log_restored(server: Server, damage: object, *, clean: bool) -> None:
    async def run() -> tuple[int, list[Record], list[Record], Path]:
        async with running(server.url) as group:
            copied = await play(group)
            server.stop() if clean else server.kill()
            damage(server)  # type: ignore[operator]
            await asyncio.to_thread(server.start)
            with pytest.raises(IntegrityError) as reason:
                await check_stream(await group.connect(), GROUP, copied[-1].seq, copied[-1].name)
            await kill_all(group)
            server.kill()
            aside = set_aside(server.data)
            await asyncio.to_thread(server.start)
            bus = await group.connect()
            assert await restore(bus, GROUP, copied) == copied[-1].seq
            assert await check_stream(bus, GROUP, copied[-1].seq, copied[-1].name) == copied[-1].seq
            found = await records(group)
            await go_on(group)
            return damaged_at(reason.value), copied, found, aside

    first, copied, found, aside = asyncio.run(run())
    assert 1 < first < copied[-1].seq
    assert found == copied
    assert next(aside.rglob("*.blk"), None)  # nothing of the damaged one is deleted
    assert asyncio.run(log_of(server)) == plain_log(ROOTS)


def test_a_lost_end_is_restored_in_place_and_the_states_stay(server: Server) -> None:
    old = with_old_copy(server)

    async def run() -> int:
        async with running(server.url) as group:
            copied = await play(group)
            server.kill()
            server.put_back(old, only_log=True)
            await asyncio.to_thread(server.start)
            with pytest.raises(IntegrityError):
                await group.sequencer()
            await restore(await group.connect(), GROUP, copied)
            await go_on(group)
            return group.loops[QUOTER].resumed_at

    assert asyncio.run(run()) > 100
    assert asyncio.run(log_of(server)) == plain_log(ROOTS)


@pytest.mark.parametrize("drops", [True, False])
def test_states_ahead_of_what_copies_hold_are_given_up_only_on_request(
    server: Server, caplog: pytest.LogCaptureFixture, *, drops: bool
) -> None:
    """The end of the log is lost in all copies: some nodes have read it."""
    old = with_old_copy(server)

    async def run() -> None:
        async with running(server.url) as group:
            copied = await play(group)
            server.kill()
            server.put_back(old, only_log=True)
            await asyncio.to_thread(server.start)
            await restore(await group.connect(), GROUP, copied[:40], drops_checkpoints=drops)
            if drops:
                await go_on(group)
                return
            with pytest.raises(IntegrityError) as reason:
                await group.sequencer()
            assert damaged_at(reason.value) == 41

    with caplog.at_level(logging.WARNING):
        asyncio.run(run())
    assert ("the state of quoter is given up" in caplog.text) == drops
    if drops:
        assert asyncio.run(log_of(server)) == plain_log(ROOTS)


def test_records_that_do_not_follow_are_refused(server: Server) -> None:
    async def run() -> list[str]:
        errors = []
        async with running(server.url) as group:
            copied = await play(group)
            other = copied[-5]._replace(data=copied[-6].data)
            for wrong in (copied[10:-5] + copied[-4:], [*copied[:-5], other], [copied[-1]._replace(name="0" * 16)]):
                bus = await group.connect()
                await bus.jetstream.purge_stream(stream(GROUP))
                await bus.jetstream.delete_stream(stream(GROUP))
                if len(wrong) == 1:
                    await restore(bus, GROUP, copied)
                else:
                    await restore(bus, GROUP, copied[:20])
                with pytest.raises(IntegrityError) as reason:
                    await restore(bus, GROUP, wrong)
                errors.append(str(reason.value))
            return [*errors, str(copied[-5].seq), str(copied[-1].seq)]

    missing, wrong, other, fifth, last = asyncio.run(run())
    assert f"misses {fifth}" in missing
    assert f"is damaged at {fifth}" in wrong
    assert f"ends with another message {last}" in other


def test_copies_are_read_one_behind_the_other() -> None:
    complete = [Record(seq, "", "", b"") for seq in range(1, 10)]

    def of(count: int) -> "itertools.chain[Record]":
        return itertools.chain(complete[:count])

    readers = [lambda seq: (each for each in of(5) if each.seq >= seq)]
    readers.append(lambda seq: (each for each in of(9) if each.seq >= seq))
    assert list(from_copies(readers)) == complete
