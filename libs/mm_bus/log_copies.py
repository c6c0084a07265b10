"""Whether a stream still holds what a copy of it holds: a shorter, other or trimmed one is no place to go on from."""

import asyncio

import msgspec
from nats.js.errors import NotFoundError

from mm_bus.bus import Bus, until_available
from mm_bus.log_check import check_log
from mm_wire.subjects import stream

WAIT_S = 0.1


class Ends(msgspec.Struct, frozen=True):
    """The first and the last sequence of a stream; first is one more than last where it is empty."""

    first_seq: int
    last_seq: int


async def stream_ends(bus: Bus, group: str) -> Ends:
    """Where the stream of a group begins and ends; waits for one that is not there yet."""
    while True:
        try:
            info = await until_available(lambda: bus.jetstream.stream_info(stream(group)))
        except NotFoundError:
            await asyncio.sleep(WAIT_S)
        else:
            return Ends(max(int(info.state.first_seq), 1), int(info.state.last_seq))


async def last_seq(bus: Bus, group: str) -> int:
    """The last sequence of the stream of a group; 0 where there is none."""
    try:
        info = await until_available(lambda: bus.jetstream.stream_info(stream(group)))
    except NotFoundError:
        return 0
    return int(info.state.last_seq)


async def check_copy(bus: Bus, group: str, next_seq: int, name: str) -> None:
    """IntegrityError unless the stream goes on where a copy ends: before `next_seq`, with the record `name`.

    Waits for a stream that is not there yet. A `name` that is not known is "".
    """
    await stream_ends(bus, group)
    await check_log(bus, group, next_seq, next_seq - 1, name)
