"""The states of nodes in the bus's key-value store: where a restarted node begins."""

import asyncio
import logging

import msgspec
import pyarrow as pa
from nats.js.api import KeyValueConfig, StorageType
from nats.js.errors import KeyNotFoundError, NotFoundError
from nats.js.kv import KeyValue

from mm_bus.bus import Bus, until_available
from mm_bus.log_check import check_log
from mm_bus.open_log import open_log
from mm_bus.topology import INPUTS
from mm_core.types import InputError
from mm_wire.subjects import state_bucket, stream

log = logging.getLogger(__name__)

CODEC = "zstd"


class Checkpoint(msgspec.Struct, frozen=True):
    """A node's state of `size` bytes before the event `next_seq`, everything before which is finished.

    `log` is when the stream was made: a later one of the same name is another log. `name` is that of message
    `read_seq`, the last one that the node read: a log with another one there is not what the state follows from.
    """

    next_seq: int
    log: str
    made_by: str
    size: int
    packed: bytes
    read_seq: int = 0
    name: str = ""

    def state(self) -> bytes:
        """The dumped state."""
        return pa.decompress(self.packed, decompressed_size=self.size, codec=CODEC, asbytes=True)  # type: ignore[no-any-return]


async def open_states(bus: Bus, group: str, replicas: int = 1) -> None:
    """Make the store of a group's states where it is missing."""
    config = KeyValueConfig(bucket=state_bucket(group), history=1, storage=StorageType.FILE, replicas=replicas)
    await until_available(lambda: bus.jetstream.create_key_value(config))


class Checkpoints:
    """Those of one node. `made_by` names core, configuration and instrument: a state of another one is refused."""

    def __init__(self, bus: Bus, group: str, node: str, made_by: str) -> None:
        self._bus = bus
        self._bucket = state_bucket(group)
        self._node = node
        self._made_by = made_by
        self._group = group
        self._log = ""
        self._store: KeyValue

    async def open(self) -> Checkpoint | None:
        """Open the store that the sequencer made, of a log that is there, and give the last checkpoint of this log.

        InputError if another core or configuration made it; IntegrityError if the log ends before it, or holds
        something else where it was taken.
        """
        info = await until_available(lambda: self._bus.jetstream.stream_info(stream(self._group)))
        self._log = str(info.created)
        self._store = await until_available(lambda: self._bus.jetstream.key_value(self._bucket))
        data = await read_state(self._store, self._node)
        if data is None:
            return None
        checkpoint = msgspec.msgpack.decode(data, type=Checkpoint)
        if checkpoint.log != self._log:
            log.warning("the checkpoint at %d is of an earlier log of this name: beginning anew", checkpoint.next_seq)
            return None
        if checkpoint.made_by != self._made_by:
            raise InputError(
                f"checkpoint of {self._node} in {self._bucket}: made by another core, configuration or instrument; "
                "expected those that the session began with: begin a new one"
            )
        await check_log(self._bus, self._group, checkpoint.next_seq, checkpoint.read_seq, checkpoint.name)
        return checkpoint

    async def put(self, next_seq: int, state: bytes, read_seq: int = 0, name: str = "") -> int:
        """Store a state, and the last message that it follows from; returns its size in the store."""
        packed = await asyncio.to_thread(pa.compress, state, codec=CODEC, asbytes=True)
        checkpoint = Checkpoint(next_seq, self._log, self._made_by, len(state), packed, read_seq, name)
        data = msgspec.msgpack.encode(checkpoint)
        await until_available(lambda: self._store.put(self._node, data))
        return len(data)


async def read_state(store: KeyValue, key: str) -> bytes | None:
    """What a group's store holds under a key, None without."""
    try:
        entry = await until_available(lambda: store.get(key))
    except (KeyNotFoundError, NotFoundError):
        return None
    return entry.value or b""


async def read_checkpoints(bus: Bus, group: str) -> dict[str, Checkpoint]:
    """The checkpoints of all nodes that have one of this log."""
    info = await until_available(lambda: bus.jetstream.stream_info(stream(group)))
    store = await until_available(lambda: bus.jetstream.key_value(state_bucket(group)))
    found = {}
    for node in INPUTS:
        data = await read_state(store, node)
        if data and (checkpoint := msgspec.msgpack.decode(data, type=Checkpoint)).log == str(info.created):
            found[node] = checkpoint
    return found


async def open_checked(bus: Bus, group: str, replicas: int = 1) -> None:
    """Make log and states of a group where they are missing.

    IntegrityError if messages are missing, or the log is not the one that its nodes have read: writing on would make
    it another one.
    """
    last_seq = await open_log(bus, group, replicas)
    await open_states(bus, group, replicas)
    await check_log(bus, group, last_seq + 1)
    for checkpoint in (await read_checkpoints(bus, group)).values():
        await check_log(bus, group, checkpoint.next_seq, checkpoint.read_seq, checkpoint.name)
