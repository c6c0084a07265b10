"""The states of nodes in the bus's key-value store: where a restarted node begins."""

import asyncio
import logging

import msgspec
import pyarrow as pa
from nats.js.api import KeyValueConfig, StorageType
from nats.js.errors import KeyNotFoundError, NotFoundError
from nats.js.kv import KeyValue

from mm_core.types import InputError
from mm_runtime.bus import Bus, until_available
from mm_wire.subjects import state_bucket, stream

log = logging.getLogger(__name__)

CODEC = "zstd"


class Checkpoint(msgspec.Struct, frozen=True):
    """A node's state of `size` bytes before the event `next_seq`, everything before which is finished.

    `log` is when the stream was made: a later one of the same name is another log.
    """

    next_seq: int
    log: str
    made_by: str
    size: int
    packed: bytes

    def state(self) -> bytes:
        """The dumped state."""
        return pa.decompress(self.packed, decompressed_size=self.size, codec=CODEC, asbytes=True)  # type: ignore[no-any-return]


async def open_states(bus: Bus, group: str) -> None:
    """Make the store of a group's states where it is missing."""
    config = KeyValueConfig(bucket=state_bucket(group), history=1, storage=StorageType.FILE)
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

        InputError if another core or configuration made it.
        """
        info = await until_available(lambda: self._bus.jetstream.stream_info(stream(self._group)))
        self._log = str(info.created)
        self._store = await until_available(lambda: self._bus.jetstream.key_value(self._bucket))
        try:
            entry = await until_available(lambda: self._store.get(self._node))
        except (KeyNotFoundError, NotFoundError):
            return None
        checkpoint = msgspec.msgpack.decode(entry.value or b"", type=Checkpoint)
        if checkpoint.log != self._log:
            log.warning("the checkpoint at %d is of an earlier log of this name: beginning anew", checkpoint.next_seq)
            return None
        if checkpoint.made_by != self._made_by:
            raise InputError(
                f"checkpoint of {self._node} in {self._bucket}: made by another core, configuration or instrument; "
                "expected those that the session began with: begin a new one"
            )
        return checkpoint

    async def put(self, next_seq: int, state: bytes) -> int:
        """Keep a state; returns its size in the store."""
        packed = await asyncio.to_thread(pa.compress, state, codec=CODEC, asbytes=True)
        data = msgspec.msgpack.encode(Checkpoint(next_seq, self._log, self._made_by, len(state), packed))
        await until_available(lambda: self._store.put(self._node, data))
        return len(data)
