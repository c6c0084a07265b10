"""A node on the bus: reads the log, reports its outputs, saves its state. Everything that decides is in the node."""

import asyncio
import hashlib
import logging
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

import msgspec

from mm_bus.bus import Bus
from mm_bus.checkpoints import Checkpoints
from mm_bus.label import Label
from mm_bus.log_check import check_log
from mm_bus.log_poller import check_tail
from mm_bus.log_reader import LogReader
from mm_bus.malformed import MalformedError
from mm_bus.messages import Msg, NotFoundError
from mm_bus.reports import Report
from mm_bus.trim import last_roots
from mm_core.compiled import CORE_DIGEST
from mm_core.events import Event, InstrumentDefined
from mm_core.node import Node
from mm_core.setup.config import Config
from mm_wire.codec import decode, encode
from mm_wire.subjects import kind_subject, report_subject, resend_subject

log = logging.getLogger(__name__)

POLL_S = 0.05


class NodeLoop:
    """One node of one group. `made_by` names what its state depends on; see `made_by`."""

    def __init__(self, bus: Bus, group: str, node: Node, made_by: str, checkpoint_events: int) -> None:
        self.events = 0
        self.outputs = 0
        self.checkpoints = 0
        self.checkpoint_bytes = 0
        self.resumed_at = 1
        self.on_step: Callable[[float], Any] = lambda _seconds: None
        self.on_outputs: Callable[[Sequence[Event]], Any] = lambda _outputs: None
        self._bus = bus
        self._node = node
        self._group = group
        self._subject = report_subject(group, node.name)
        self._checkpoints = Checkpoints(bus, group, node.name, made_by)
        self._checkpoint_events = checkpoint_events
        self._checkpoint_at = checkpoint_events
        self._saving: asyncio.Task[None] | None = None
        self._tree = 0
        self._writer = ""
        self._pending: list[tuple[int, list[bytes]]] = []
        self._encode = msgspec.msgpack.Encoder().encode
        self.reader: LogReader

    async def start(self) -> None:
        """Load the last checkpoint and read the log behind it."""
        checkpoint = await self._checkpoints.open()
        if checkpoint is not None:
            self._node.load(checkpoint.state())
            self.resumed_at = checkpoint.next_seq
        subjects = [kind_subject(self._group, kind) for kind in self._node.inputs]
        read = (checkpoint.read_seq, checkpoint.name) if checkpoint is not None else (0, "")
        last_seq = (await check_log(self._bus, self._group, self.resumed_at, *read)).state.last_seq
        if read[1] or self.resumed_at == 1:  # what is missing among other nodes' events is not seen by a filter
            await check_tail(self._bus, self._group, *read, last_seq)
        self.reader = LogReader(self._bus, self._group, subjects, self._on_event, self.resumed_at, *read)
        await self._bus.subscribe(resend_subject(self._group), self._on_resend)
        self._bus.on_reconnect(self._resend)
        await self.reader.start()
        log.info("reading the log from %d", self.resumed_at)

    async def stop(self) -> None:
        """Read no more. What was not saved is read again at the next start."""
        await self.reader.stop()
        if self._saving is not None:
            self._saving.cancel()

    def status(self) -> dict[str, Any]:
        """How far the node is."""
        return {
            "next_seq": self.reader.next_seq,
            "pending": self.reader.pending,
            "events": self.events,
            "outputs": self.outputs,
            "checkpoints": self.checkpoints,
            "resumed_at": self.resumed_at,
            "resets": self.reader.resets,
        }

    async def _on_event(self, seq: int, label: Label, data: bytes) -> None:
        if label.tree != self._tree:
            self._begin_tree(label.tree)
        self._writer = label.writer
        started_s = perf_counter()
        outputs = self._node.step(decode(data))
        encoded = [encode(output) for output in outputs]
        self.events += 1
        self.outputs += len(encoded)
        self._pending.append((seq, encoded))
        await self._bus.publish(self._subject, self._encode(Report([(seq, encoded)], label.writer)))
        self.on_step(perf_counter() - started_s)
        self.on_outputs(outputs)

    def _begin_tree(self, tree: int) -> None:
        """A new root went out, so everything before it is finished: its reports are dropped, its state may be saved."""
        self._tree = tree
        self._pending.clear()
        if self.events >= self._checkpoint_at and (self._saving is None or self._saving.done()):
            self._checkpoint_at = self.events + self._checkpoint_events
            read = self.reader.read_seq, self.reader.read_name
            self._saving = self._bus.begin(self._save(tree, self._node.dump(), *read))

    async def _save(self, next_seq: int, state: bytes, read_seq: int, name: str) -> None:
        self.checkpoint_bytes = await self._checkpoints.put(next_seq, state, read_seq, name)
        self.checkpoints += 1

    async def _on_resend(self, message: Msg) -> None:
        if message.data:
            raise MalformedError("expected nothing")
        await self._resend()

    async def _resend(self) -> None:
        """Send again what the sequencer may have missed."""
        if self._pending:
            await self._bus.publish(self._subject, self._encode(Report(self._pending, self._writer)))


def made_by(config: Config, instrument: InstrumentDefined) -> str:
    """Digest of what a state depends on besides the log: core, configuration, instrument."""
    core = {name: getattr(config, name) for name in Config.__struct_fields__}
    terms = msgspec.structs.replace(instrument, ts_ns=0, recv_ns=0, local_ns=0, root_seq=0)
    return hashlib.sha256(CORE_DIGEST.encode() + msgspec.json.encode([core, terms])).hexdigest()


async def defined_instrument(bus: Bus, group: str) -> InstrumentDefined:
    """The instrument that the log is about; waits for a log that has not begun."""
    while True:
        try:
            defined = (await last_roots(bus, group)).get(InstrumentDefined.__name__)
        except NotFoundError:
            defined = None
        if defined is not None:
            event = decode(defined.data)
            assert isinstance(event, InstrumentDefined)
            return event
        await asyncio.sleep(POLL_S)
