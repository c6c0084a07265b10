"""Trims a group's log on the bus to a size: what is archived, on file and before every node's state may be deleted.

What a sequencer recovers from the end of a log must survive: the last root of each kind is stored beside it before
the log is trimmed behind it.
"""

import asyncio
import logging

import msgspec
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError

from mm_bus.bus import Bus, until_available
from mm_bus.checkpoints import read_checkpoints, read_state
from mm_bus.label import HEADER
from mm_bus.topology import INPUTS
from mm_core.events import ROOT_EVENTS, Event
from mm_wire.subjects import ARCHIVER, SEQUENCER, kind_subject, state_bucket, status_subject, stream

log = logging.getLogger(__name__)

TRIM_S = 60.0
STAYS = 0.9  # of the limit, after a trim


class StoredRoot(msgspec.Struct, frozen=True):
    """The last root of one kind: its sequence, the text of its label, and the encoded event."""

    seq: int
    label: str
    data: bytes


class StoredRoots(msgspec.Struct, frozen=True):
    """The last roots, by the names of their kinds, of the stream that was made at `log`."""

    log: str
    roots: dict[str, StoredRoot]


class Trimmer:
    """Trims the log of one group when it holds more than `bytes_max`; 0: never. The sequencer's, and no one else's."""

    def __init__(self, bus: Bus, group: str, bytes_max: int) -> None:
        self.stream_bytes = 0
        self.first_seq = 1
        self.trims = 0
        self._bus, self._group = bus, group
        self._bytes_max = bytes_max

    async def run(self) -> None:
        """Check the size of the stream every TRIM_S."""
        while True:
            await self.trim()
            await asyncio.sleep(TRIM_S)

    async def trim(self) -> None:
        """Trim once, where the log is too long and something of it may be deleted."""
        name = stream(self._group)
        info = await until_available(lambda: self._bus.jetstream.stream_info(name))
        state = info.state
        self.stream_bytes, self.first_seq = state.bytes, state.first_seq
        if not self._bytes_max or state.bytes <= self._bytes_max:
            return
        share = 1 - STAYS * self._bytes_max / state.bytes
        target_seq = state.first_seq + int(share * state.messages)
        roots = await last_roots(self._bus, self._group)
        first_seq = min(target_seq, max(root.seq for root in roots.values()) - 1 if roots else 0, await self._needed())
        if first_seq <= state.first_seq:
            log.warning("the log holds %d bytes and cannot be trimmed yet: not all is archived", state.bytes)
            return
        data = msgspec.msgpack.encode(StoredRoots(str(info.created), roots))
        store = await until_available(lambda: self._bus.jetstream.key_value(state_bucket(self._group)))
        await until_available(lambda: store.put(SEQUENCER, data))
        await until_available(lambda: self._bus.jetstream.purge_stream(name, seq=first_seq))
        self.trims += 1
        after = (await until_available(lambda: self._bus.jetstream.stream_info(name))).state
        self.stream_bytes, self.first_seq = after.bytes, after.first_seq
        log.info("the log was trimmed to begin at %d: %d bytes, before %d", first_seq, after.bytes, state.bytes)

    async def _needed(self) -> int:
        """The first sequence that may still be read, by a node from its state on, the archiver, or the log's file."""
        checkpoints = await read_checkpoints(self._bus, self._group)
        if len(checkpoints) < len(INPUTS):
            return 0
        status = await self._bus.request(status_subject(self._group, ARCHIVER)) or {}
        archived_seq = min(int(status.get("stored_seq", 0)), int(status.get("file_seq", 0)))
        return min(archived_seq, *(checkpoint.read_seq for checkpoint in checkpoints.values()))


async def last_roots(bus: Bus, group: str) -> dict[str, StoredRoot]:
    """The last root of each kind that the log holds, or held before it was trimmed, by the names of the kinds."""
    info = await until_available(lambda: bus.jetstream.stream_info(stream(group)))
    found = await _stored_roots(bus, group, str(info.created)) if info.state.first_seq > 1 else {}
    for kind in ROOT_EVENTS:
        last = await _last(bus, group, kind)
        if last is not None:
            found[kind.__name__] = StoredRoot(last.seq or 0, (last.headers or {}).get(HEADER, ""), last.data or b"")
    return found


async def _stored_roots(bus: Bus, group: str, created: str) -> dict[str, StoredRoot]:
    try:
        store = await until_available(lambda: bus.jetstream.key_value(state_bucket(group)))
    except NotFoundError:
        return {}
    data = await read_state(store, SEQUENCER)
    if not data:
        return {}
    stored = msgspec.msgpack.decode(data, type=StoredRoots)
    return stored.roots if stored.log == created else {}


async def _last(bus: Bus, group: str, kind: type[Event]) -> RawStreamMsg | None:
    try:
        return await until_available(lambda: bus.jetstream.get_last_msg(stream(group), kind_subject(group, kind)))
    except NotFoundError:
        return None
