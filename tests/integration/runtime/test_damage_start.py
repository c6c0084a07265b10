"""A stream whose files were damaged, met by a node or a sequencer that starts: neither continues with another log."""

import asyncio
from pathlib import Path

import pytest
from tests.integration.runtime.group import failure, running, until, with_old_copy
from tests.integration.runtime.nodes import market
from tests.integration.runtime.server import GROUP, Server
from tests.integration.runtime.test_damage import Damage, damaged_at, flip, kill_all, missing
from tests.integration.runtime.test_nodes import new_node

from mm_bus.log_end import read_end
from mm_core.types import IntegrityError
from mm_services.sequencer.appender import LogTakenError
from mm_wire.subjects import QUOTER, stream


def played(server: Server, folder: list[Path], damage: Damage | None) -> tuple[str, str, int]:
    """Let nodes and a sequencer play, with an older copy of the files or a damage; the errors of both restarted."""

    async def run() -> tuple[str, str, int]:
        async with running(server.url) as group:
            await group.sequencer()
            await group.nodes(checkpoint_events=20)
            source = await group.source()
            await source.put(market(40))
            await until(lambda: group.loops[QUOTER].checkpoints > 0)
            await until(lambda: source.unconfirmed == 0)
            await kill_all(group)
            server.kill()
            if damage is None:
                server.put_back(folder[0], only_log=True)
            else:
                damage(server)
            await asyncio.to_thread(server.start)
            last_seq = int((await (await group.connect()).jetstream.stream_info(stream(GROUP))).state.last_seq)
            errors = []
            for start in (lambda: group.sequencer(), lambda: group.node(new_node(QUOTER))):  # noqa: PLW0108
                with pytest.raises(IntegrityError) as reason:
                    await start()
                errors.append(str(reason.value))
            return errors[0], errors[1], last_seq

    return asyncio.run(run())


def test_a_log_that_ends_before_a_checkpoint_stops_node_and_sequencer(server: Server) -> None:
    old = with_old_copy(server)
    writer, node, last_seq = played(server, [old], None)
    assert damaged_at(writer) == damaged_at(node) == last_seq + 1


def test_a_damaged_file_stops_node_and_sequencer(server: Server) -> None:
    writer, node, last_seq = played(server, [], lambda server: flip(server, 0.2))
    assert damaged_at(writer) == damaged_at(node) == last_seq + 1


def test_a_hole_in_the_tail_behind_a_checkpoint_stops_the_node(server: Server) -> None:
    """Its filter would pass over what is missing among other nodes' events, and over its own inputs."""

    async def run() -> tuple[str, int]:
        async with running(server.url) as group:
            await group.sequencer()
            await group.nodes(checkpoint_events=20)
            source = await group.source()
            await source.put(market(60))
            await until(lambda: source.unconfirmed == 0)
            await until(lambda: group.loops[QUOTER].checkpoints > 0)
            last_seq = group.writer.status()["last_seq"]
            await kill_all(group)
            server.stop()
            flip(server, 0.97)
            await asyncio.to_thread(server.start)
            first = await missing(group)
            assert 0 < first < last_seq
            with pytest.raises(IntegrityError) as reason:
                await group.node(new_node(QUOTER))
            await kill_all(group)
            return str(reason.value), first

    error, first = asyncio.run(run())
    assert damaged_at(error) == first


def test_an_incomplete_tree_stops_the_sequencer(server: Server) -> None:
    async def run() -> tuple[str, int]:
        async with running(server.url) as group:
            await group.sequencer()
            await group.nodes()
            source = await group.source()
            await source.put(market(40))
            await until(lambda: source.unconfirmed == 0)
            last_seq = group.writer._appender.last_seq
            await kill_all(group)
            bus = await group.connect()
            assert (await read_end(bus, GROUP, last_seq)).tree_seq < last_seq
            await bus.jetstream.delete_msg(stream(GROUP), last_seq)
            with pytest.raises(IntegrityError) as reason:
                await read_end(bus, GROUP, last_seq)
            return str(reason.value), last_seq

    error, last_seq = asyncio.run(run())
    assert damaged_at(error) == last_seq


def test_a_node_that_runs_notices_when_the_server_comes_back_with_less(server: Server) -> None:
    """And so does the sequencer, which knows what it has stored."""
    old = with_old_copy(server)

    async def run() -> list[BaseException]:
        async with running(server.url) as group:
            writing, _ = await group.sequencer()
            await group.nodes()
            source = await group.source()
            await source.put(market(40))
            await until(lambda: source.unconfirmed == 0)
            server.kill()
            server.put_back(old, only_log=True)
            await asyncio.to_thread(server.start)
            errors = [await failure(bus) for bus in (writing, group._bus_of[QUOTER])]
            await kill_all(group)
            return errors

    writer, node = asyncio.run(run())
    assert isinstance(writer, LogTakenError)
    assert "lost events: it ends at 1, " in str(writer)
    assert damaged_at(node) == 2
