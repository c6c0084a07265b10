"""Whether a log is still the one that was read up to a sequence: there, complete, and the same up to it.

A server that lost the end of its files, or a part of them, starts without a warning: those who have read the log know.
"""

import asyncio
import json
from typing import Any

from nats.js.api import Header, RawStreamMsg, StreamInfo
from nats.js.errors import NotFoundError

from mm_bus.bus import Bus, until_available, until_led
from mm_bus.label import HEADER
from mm_core.types import InputError, IntegrityError
from mm_wire.chain import FIRST, Record, name_of
from mm_wire.subjects import stream

NAME = str(Header.MSG_ID.value)
RESTORE = "stop what writes it and restore it from its file or archive: crypto-mm resume --session"
# A missing message is requested so often, for a server that has just become the leader.
TRIES = 4
TRY_S = 0.25


class LogTrimmedError(IntegrityError):
    """The log begins behind what is requested: that was trimmed, and is in the log's file and archive."""


async def check_log(bus: Bus, group: str, next_seq: int, read_seq: int = 0, name: str = "") -> StreamInfo:
    """The state of a log that was read up to before `next_seq`, where message `read_seq` was named `name`.

    IntegrityError with the first sequence that is missing or another; LogTrimmedError if `next_seq` was trimmed.
    """
    log = stream(group)
    try:
        info = await read_info(bus, group, next_seq - 1)
    except NotFoundError as error:
        if next_seq == 1:
            raise
        raise damaged(log, 1, "the stream does not exist") from error
    state = info.state
    if state.last_seq < next_seq - 1:
        raise damaged(log, state.last_seq + 1, f"it ends at {state.last_seq}, and {next_seq - 1} was read from it")
    if state.num_deleted:
        first = await _first_deleted(bus, log)
        raise damaged(log, first, f"{state.num_deleted} messages are missing between those that are there")
    if state.messages and state.first_seq > next_seq:
        raise LogTrimmedError(
            f"the log {log} begins at {state.first_seq}, and {next_seq} is requested: what is before was trimmed; "
            "expected a reader of its file (log/ of the session) or archive"
        )
    if name and read_seq >= state.first_seq:
        found = await read_message(bus, group, read_seq)
        if record_of(found).name != name:
            raise damaged(log, read_seq, "another message is there than the one that was read")
    return info


async def read_info(bus: Bus, group: str, last_seq: int) -> StreamInfo:
    """The server's info on a log that ends at `last_seq` or behind it: it may end before only after some tries.

    Of several servers one that has just become the leader may not have everything yet.
    """
    tried = 0
    while True:
        info = await until_led(lambda: bus.jetstream.stream_info(stream(group)))
        tried += 1
        if info.state.last_seq >= last_seq or (info.config.num_replicas or 1) == 1 or tried == TRIES:
            return info
        await asyncio.sleep(TRY_S)


async def check_chain(bus: Bus, group: str, first_seq: int, last_seq: int, before: str = "") -> list[RawStreamMsg]:
    """The messages from `first_seq` to `last_seq`, each of which follows the one before; IntegrityError if not.

    `before` is the name of the one before the first, "" where it is not known.
    """
    messages = []
    for seq in range(first_seq, last_seq + 1):
        message = await read_message(bus, group, seq)
        record = record_of(message)
        before = follows(stream(group), before, record)
        messages.append(message)
    return messages


def follows(log: str, before: str, record: Record) -> str:
    """The name of a record that follows the one named `before`, "" if that is not known. IntegrityError if not."""
    if (before or record.seq == 1) and name_of(before, record.label, record.data) != record.name:
        raise damaged(log, record.seq, "its message does not follow the one before")
    return record.name


async def read_message(bus: Bus, group: str, seq: int) -> RawStreamMsg:
    """One message of a log. IntegrityError if it is not there, or cannot be read."""
    log = stream(group)
    for tried in range(TRIES):
        try:
            return await until_available(lambda: bus.jetstream.get_msg(log, seq))
        except NotFoundError as error:
            info = await until_available(lambda: bus.jetstream.stream_info(log))
            if seq < info.state.first_seq:
                raise LogTrimmedError(f"message {seq} of the log {log} was trimmed: it is in its file") from error
            # One that was just stored may not be there yet for a server that has just become the leader.
            if tried == TRIES - 1:
                raise damaged(log, seq, "it is missing") from error
            await asyncio.sleep(TRY_S)
    raise AssertionError(seq)


async def read_name(bus: Bus, group: str, seq: int) -> str:
    """The name of a message of a log; what the first one follows for 0. IntegrityError if it is not there."""
    if not seq:
        return FIRST
    name = record_of(await read_message(bus, group, seq)).name
    if not name:
        raise InputError(f"the log {stream(group)} was written by an earlier version; expected another group")
    return name


def record_of(message: RawStreamMsg) -> Record:
    """A message as every copy of the log stores it."""
    headers = message.headers or {}
    return Record(message.seq or 0, headers.get(HEADER, ""), headers.get(NAME, ""), message.data or b"")


def damaged(log: str, seq: int, what: str) -> IntegrityError:
    """The error of a log whose first wrong or missing message is `seq`."""
    return IntegrityError(f"the log {log} is damaged at {seq}: {what}; {RESTORE}")


async def _first_deleted(bus: Bus, log: str) -> int:
    request = json.dumps({"deleted_details": True}).encode()
    reply = await until_available(lambda: bus.client.request(f"$JS.API.STREAM.INFO.{log}", request, timeout=10))
    deleted: list[Any] = json.loads(reply.data)["state"].get("deleted") or [0]
    return int(deleted[0])
