"""Whether a stream still holds what a copy of it holds: a shorter, other or trimmed one is no place to go on from."""

import asyncio

import msgspec
from nats.js.errors import NotFoundError

from mm_core.types import IntegrityError
from mm_runtime.bus import Bus, until_available
from mm_runtime.log_check import NAME
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


async def check_copy(bus: Bus, group: str, what: str, next_seq: int, name: str) -> None:
    """IntegrityError unless the stream goes on where a copy ends: before `next_seq`, with the record `name`.

    `what` the copy is, for the message; a `name` that is not known is "".
    """
    ends, last = await stream_ends(bus, group), next_seq - 1
    log = f"the log {stream(group)}"
    if ends.last_seq < last:
        raise IntegrityError(
            f"{log} ends at {ends.last_seq}; {what} holds {last}: {ends.last_seq + 1} is the first that is missing on "
            "the bus; crypto-mm resume --session restores it"
        )
    if ends.first_seq > next_seq:
        raise IntegrityError(
            f"{log} begins at {ends.first_seq}; {what} ends at {last}: {next_seq} is the first that is missing; what "
            "other copies hold restores it"
        )
    if not name or last < ends.first_seq:
        return
    message = await until_available(lambda: bus.jetstream.get_msg(stream(group), last))
    found = (message.headers or {}).get(NAME, "")
    if found != name:
        raise IntegrityError(
            f"{log} is another one than {what}: {last} is {found or 'without a name'} there, and {name} here; keep "
            "both, and see which session each is of"
        )
