"""A log from one of its copies: a stream that was lost, or lost its end, becomes the same again, message by message."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count, islice
from pathlib import Path

from nats.js.errors import NotFoundError

from mm_bus.bus import Bus, until_available
from mm_bus.checkpoints import read_checkpoints
from mm_bus.fence import EXPECTED_SEQUENCE
from mm_bus.label import HEADER
from mm_bus.log_check import NAME, check_log, follows, read_name
from mm_bus.log_poller import check_tail
from mm_bus.open_log import open_log
from mm_core.types import IntegrityError, UnavailableError
from mm_wire.chain import FIRST, Record
from mm_wire.codec import decode
from mm_wire.subjects import state_bucket, stream, subject, writer_subject

log = logging.getLogger(__name__)

WINDOW = 2_000  # records that are sent before the end of the stream is requested
POLL_S = 0.02
STORED_S = 10.0  # one window at the slowest disk
TRIES = 5


async def check_stream(bus: Bus, group: str, copy_seq: int = 0, copy_name: str = "") -> int:
    """Read the complete log of a group, which a copy holds to `copy_seq`, named `copy_name`; its last sequence.

    IntegrityError with the first sequence that is missing or another; a stream that is not there holds nothing.
    """
    try:
        info = await check_log(bus, group, copy_seq + 1, copy_seq, copy_name)
    except NotFoundError:
        return 0
    first_seq = info.state.first_seq
    if info.state.last_seq:
        before = FIRST if first_seq == 1 else await read_name(bus, group, first_seq)
        begins_at = 0 if first_seq == 1 else first_seq
        await check_tail(bus, group, begins_at, before, info.state.last_seq)
    return int(info.state.last_seq)


def set_aside(folder: Path) -> Path:
    """Move a damaged folder to `<folder>.damaged-<n>` beside it, where it stays; nothing is ever deleted."""
    free = next(path for n in count(1) if not (path := folder.with_name(f"{folder.name}.damaged-{n}")).exists())
    folder.rename(free)
    log.warning("the damaged %s is left as %s", folder, free)
    return free


def from_copies(readers: Sequence[Callable[[int], Iterable[Record]]]) -> Iterator[Record]:
    """All records from 1 on that copies hold together: each reader gives those from a sequence on, in order."""
    next_seq = 1
    for reader in readers:
        for record in reader(next_seq):
            yield record
            next_seq = record.seq + 1


async def restore(
    bus: Bus, group: str, records: Iterable[Record], *, replicas: int = 1, drops_checkpoints: bool = False
) -> int:
    """Append the records behind a log's end, which is made where it is missing; its last sequence.

    They may begin anywhere before its end. IntegrityError if they do not follow each other or what the log holds; then
    nothing more is appended. `drops_checkpoints`: states of nodes that are ahead of it, whose events nobody has any
    more, are given up with a warning; without, those nodes refuse the log.
    """
    last_seq = await open_log(bus, group, replicas)
    before = await read_name(bus, group, last_seq)
    restored_seq, following = last_seq, _behind(stream(group), records, last_seq, before)
    while window := list(islice(following, WINDOW)):
        await _append(bus, group, window)
        restored_seq = window[-1].seq
    if restored_seq > last_seq:
        log.warning("the log %s: messages %d to %d are restored", stream(group), last_seq + 1, restored_seq)
    if drops_checkpoints:
        await _drop_ahead(bus, group)
    return restored_seq


def _behind(name: str, records: Iterable[Record], last_seq: int, before: str) -> Iterator[Record]:
    """The records behind the log's last one, each of which is checked to follow."""
    next_seq, chain = last_seq + 1, before
    for record in records:
        if record.seq < last_seq:
            continue
        if record.seq == last_seq:
            if record.name != before:
                raise IntegrityError(f"the log {name} ends with another message {last_seq} than its copy holds")
            continue
        if record.seq != next_seq:
            raise IntegrityError(f"the copy of the log {name} misses {next_seq}: it goes on with {record.seq}")
        chain = follows(f"{name}, its copy,", chain, record)
        next_seq += 1
        yield record


async def _append(bus: Bus, group: str, window: list[Record]) -> None:
    """Append records and see them stored; what got lost on its way is sent again."""
    last_seq = window[-1].seq
    end_seq = window[0].seq - 1
    for _ in range(TRIES):
        for record in window:
            if record.seq > end_seq:
                headers = {NAME: record.name, EXPECTED_SEQUENCE: str(record.seq - 1)}
                headers |= {HEADER: record.label} if record.label else {}
                await bus.publish(_subject(group, record), record.data, headers=headers)
        end_seq = await _stored(bus, group, last_seq)
        if end_seq == last_seq:
            return
    raise UnavailableError(f"the log {stream(group)} does not take message {end_seq + 1}: expected room on its disk")


async def _stored(bus: Bus, group: str, last_seq: int) -> int:
    """The last sequence of the log, once it is `last_seq` or does not become it."""
    loop = asyncio.get_running_loop()
    until_s = loop.time() + STORED_S
    while True:
        info = await until_available(lambda: bus.jetstream.stream_info(stream(group)))
        if info.state.last_seq >= last_seq or loop.time() > until_s:
            return int(info.state.last_seq)
        await asyncio.sleep(POLL_S)


def _subject(group: str, record: Record) -> str:
    return writer_subject(group) if record.is_fence else subject(group, decode(record.data))


async def _drop_ahead(bus: Bus, group: str) -> None:
    """Give up the states of nodes that follow from what the log does not hold."""
    try:
        checkpoints = await read_checkpoints(bus, group)
    except NotFoundError:
        return
    for node, checkpoint in checkpoints.items():
        try:
            await check_log(bus, group, checkpoint.next_seq, checkpoint.read_seq, checkpoint.name)
        except IntegrityError as error:
            log.warning("the state of %s is given up, it begins anew: %s", node, error)
            store = await until_available(lambda: bus.jetstream.key_value(state_bucket(group)))
            await until_available(lambda node=node, store=store: store.delete(node))  # type: ignore[misc]
