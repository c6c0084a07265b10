"""A stream whose files were damaged: whoever has read it names the first sequence that is missing or another."""

import asyncio
import re
from collections.abc import Callable

import pytest
from tests.integration.runtime.group import Group, failure, running, until
from tests.integration.runtime.nodes import small_nodes
from tests.integration.runtime.server import GROUP, Server
from tests.integration.runtime.test_poller import Polling
from tests.integration.runtime.test_reader import append

from mm_bus.checkpoints import open_states
from mm_bus.log_check import LogTrimmedError
from mm_bus.log_poller import LogPoller
from mm_core.types import IntegrityError
from mm_wire.chain import Record
from mm_wire.subjects import stream

COUNT = 3_000
Damage = Callable[[Server], None]


def flip_in_the_middle(server: Server) -> None:
    flip(server, 0.5)


def flip(server: Server, share: float) -> None:
    """Turn one bit over in the largest file of the stream."""
    path = server.block
    content = bytearray(path.read_bytes())
    content[int(len(content) * share)] ^= 4
    path.write_bytes(content)


def truncate(server: Server) -> None:
    """Cut a third off the stream's file."""
    content = server.block.read_bytes()
    server.block.write_bytes(content[: len(content) * 2 // 3])


def damaged_at(error: BaseException | str) -> int:
    """The sequence that an error names."""
    found = re.search(r"the log MM_test is damaged at (\d+): ", str(error))
    assert found, error
    return int(found[1])


async def missing(group: Group) -> int:
    """The first sequence that the server does not have, by requesting each."""
    bus = await group.connect()
    for seq in range(1, COUNT + 2):
        try:
            await bus.jetstream.get_msg(stream(GROUP), seq)
        except Exception:  # noqa: BLE001  whatever it is
            return seq
    return 0


@pytest.mark.parametrize(
    ("damage", "clean", "who"),
    [
        (flip_in_the_middle, True, "through"),
        (truncate, True, "both"),
        (flip_in_the_middle, False, "all"),
        (truncate, False, "all"),
    ],
)
def test_a_poller_names_the_first_missing_sequence(server: Server, damage: Damage, who: str, *, clean: bool) -> None:
    """After a clean stop the server trusts its index and a hole shows; after a kill the log ends before the damage.

    `who` notices: that reads through the place, that has read all of it before, or both.
    """

    async def run() -> tuple[int, dict[str, BaseException]]:
        async with running(server.url) as group:
            seqs = await append(group, COUNT)
            await kill_all(group)
            server.stop() if clean else server.kill()
            damage(server)
            await asyncio.to_thread(server.start)
            first = await missing(group)
            assert 1 < first < seqs[-1]
            found = {"through": await failure_of_reading(group, first - 10)}
            found["all"] = await failure_of_reading(group, seqs[-1] + 1)
            return first, {name: error for name, error in found.items() if error is not None}

    first, errors = asyncio.run(run())
    assert list(errors) == (["through", "all"] if who == "both" else [who])
    assert [damaged_at(error) for error in errors.values()] == [first] * len(errors)
    assert all(isinstance(error, IntegrityError) for error in errors.values())


async def failure_of_reading(group: Group, next_seq: int) -> BaseException | None:
    """What stops who reads the log from a sequence on; None if it comes to its end."""
    bus = await group.connect()
    polling = Polling(bus, next_seq)
    await polling.poller.start()
    await until(lambda: bus.failed.done() or (polling.poller._requests > 2 and not polling.poller.pending))
    if not bus.failed.done():
        return None
    await group.kill(bus)
    return bus.failed.exception()


async def kill_all(group: Group) -> None:
    """Kill all parts."""
    for bus in list(group.buses):
        await group.kill(bus)


def test_a_log_that_lost_its_end_while_it_was_read_is_noticed_when_the_connection_comes_back(server: Server) -> None:
    """An unsynced tail: the files of the server are those of some time before."""

    async def run() -> tuple[list[BaseException], list[int]]:
        async with running(server.url) as group:
            seqs = await append(group, 200)
            await kill_all(group)
            server.stop()
            old = server.copy()
            await asyncio.to_thread(server.start)
            more = await append(group, 100)
            polling = Polling(await group.connect(), 1)
            await polling.poller.start()
            await until(lambda: polling.seqs[-1:] == more[-1:])
            await group.kill(group.buses[0])  # the writer
            server.kill()
            server.put_back(old)
            await asyncio.to_thread(server.start)
            errors = [await failure(polling.poller._bus)]
            await group.kill(polling.poller._bus)
            return errors, [*seqs, *more]

    errors, seqs = asyncio.run(run())
    assert [damaged_at(error) for error in errors] == [seqs[199] + 1]


def test_a_longer_log_of_other_content_is_noticed(server: Server) -> None:
    """Files of before are put back, and somebody has written on them meanwhile."""

    async def run() -> list[BaseException]:
        async with running(server.url) as group:
            await append(group, 200)
            await kill_all(group)
            server.stop()
            old = server.copy()
            await asyncio.to_thread(server.start)
            await append(group, 100)
            polling = Polling(await group.connect(), 1)
            await polling.poller.start()
            await until(lambda: polling.poller.next_seq == 303)
            name = polling.poller._name
            await kill_all(group)
            server.kill()
            server.put_back(old)
            await asyncio.to_thread(server.start)
            await append(group, 150)
            poller = LogPoller(await group.connect(), GROUP, take_nothing, 303, name)
            await poller.start()
            errors = [await failure(poller._bus)]
            await group.kill(poller._bus)
            return errors

    errors = asyncio.run(run())
    assert [damaged_at(error) for error in errors] == [302]
    assert "another message is there" in str(errors[0])


async def take_nothing(_: Record) -> None:
    """Take, and do nothing."""


def test_a_poller_of_what_was_trimmed_reports_where_the_log_begins(server: Server) -> None:
    async def run() -> BaseException:
        async with running(server.url) as group:
            await append(group, 100)
            bus = await group.connect()
            await bus.jetstream.purge_stream(stream(GROUP), seq=61)
            polling = Polling(bus, 10)
            await polling.poller.start()
            error = await failure(bus)
            await group.kill(bus)
            return error

    error = asyncio.run(run())
    assert isinstance(error, LogTrimmedError)
    assert "begins at 61, and 10 is requested" in str(error)


def test_a_message_that_was_deleted_is_named_by_everyone(server: Server) -> None:
    async def run() -> list[BaseException]:
        errors: list[BaseException] = []
        async with running(server.url) as group:
            await append(group, 100)
            bus = await group.connect()
            await bus.jetstream.delete_msg(stream(GROUP), 51)
            polling = Polling(bus)
            await polling.poller.start()
            errors.append(await failure(bus))
            await group.kill(bus)
            await open_states(await group.connect(), GROUP)
            for start in (group.sequencer, lambda: group.node(small_nodes()[0])):
                with pytest.raises(IntegrityError) as reason:
                    await start()
                errors.append(reason.value)
        return errors

    assert [damaged_at(error) for error in asyncio.run(run())] == [51, 51, 51]
