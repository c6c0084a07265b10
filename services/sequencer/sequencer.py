"""The only writer of a group's log: stamps roots, inserts Ticks, appends the nodes' outputs in their one order.

All its state is in the log: killed at any moment it goes on from the log's end (docs/log.md).
"""

import asyncio
import logging
from collections.abc import Callable
from time import perf_counter
from typing import Any

import msgspec

from mm_bus.bus import Bus
from mm_bus.checkpoints import open_checked
from mm_bus.label import Label
from mm_bus.log_end import CLOSE, read_end
from mm_bus.malformed import MalformedError, read
from mm_bus.messages import Msg
from mm_bus.reports import Head, Report
from mm_bus.topology import KINDS, PUBLISHED_BY, SOURCES, subscribers
from mm_core.events import AnyEvent, InstrumentDefined, OperatorCommand, RootEvent
from mm_core.stamper import Stamper
from mm_core.types import NS_PER_S
from mm_services.sequencer.appender import Appender
from mm_services.sequencer.clock import SourceClock
from mm_services.sequencer.counts import Counts
from mm_services.sequencer.intake import Intake, Waiting
from mm_services.sequencer.lateness import Hold, Lateness
from mm_services.sequencer.ledger import Ledger
from mm_services.sequencer.stamping import Stamping, decoded
from mm_wire.codec import decode, encode
from mm_wire.subjects import report_subject, resend_subject, subject_of

log = logging.getLogger(__name__)

CLOCK = "clock"
RESEND_S = 0.5
YIELD_APPENDS = 64


class Sequencer:
    """The sequencer of one group. `by_clock`: in a silent market time passes too, and makes Ticks after some grace.

    Then too, a root that was received longer ago than `delay_ns_max` is not appended: the log is held, and its source
    is requested to send a GAP in the place of all that waits.
    """

    def __init__(
        self,
        bus: Bus,
        group: str,
        stamper: Stamper,
        *,
        by_clock: bool = False,
        grace_ns: int = 0,
        delay_ns_max: int = 0,
        offset_ns: int = 0,
        decide_on: str = "tick",
        replicas: int = 1,
    ) -> None:
        self.counts = Counts()
        self.is_ended, self.tree_s = False, 0.0  # when the last root was appended, by perf_counter
        self.on_quiescent: Callable[[float], Any] = lambda _seconds: None
        self.on_order: Callable[[float], Any] = lambda _seconds: None
        self._bus, self._group, self._replicas = bus, group, replicas
        self._stamping = Stamping(stamper)
        self._by_clock, self._offset_ns, self._grace_ns = by_clock, offset_ns, grace_ns
        self._clock = SourceClock()
        self._lateness = Lateness(self._clock, delay_ns_max if by_clock else 0, offset_ns, grace_ns)
        self._ledger = Ledger(subscribers(decide_on))
        self._appender = Appender(bus, group)
        self._intake = Intake(bus, group, self._pump, self._on_clock, self._on_skip)
        self._hold = Hold(self._lateness, self._intake)
        self._event_seq = self._tree = 0  # of the last event, and of the root that it follows from
        self._appends, self._pumping, self._work_came = 0, False, False
        self._head = msgspec.msgpack.Decoder(Head).decode
        self._report = msgspec.msgpack.Decoder(Report).decode
        self._tasks: list[asyncio.Task[None]] = []
        self._soon: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take up the log at its end, then subscribe. IntegrityError if it is not what nodes have read."""
        await open_checked(self._bus, self._group, self._replicas)
        await self._appender.take()
        end = await read_end(self._bus, self._group, self._appender.last_seq)
        self._stamping.resume(end)
        self._lateness.is_proven = end.is_proven
        self._ledger.rebuild(end.tree)
        self._tree, self.tree_s, self.is_ended = end.tree_seq, perf_counter(), end.is_closed
        self._clock.set(end.local_ns)
        self._event_seq = end.tree[-1].seq if end.tree else 0
        await self._appender.start(self._on_free)
        await self._bus.subscribe(report_subject(self._group, "*"), self._on_report, at_once=True)
        self._bus.on_reconnect(self._request_reports)
        log.info("the log ends at %d, root %d", self._event_seq, end.root_seq)
        await self._request_reports()
        await self._intake.start(end.sources, end.command, is_closed=end.is_closed)
        self._tasks.append(self._bus.begin(self._watch_reports()))
        if self._by_clock:
            self._tasks.append(self._bus.begin(self._tick()))

    async def stop(self) -> None:
        """Append nothing more."""
        for task in (*self._tasks, self._soon):
            if task is not None:
                task.cancel()
        await self._appender.stop()

    def status(self) -> dict[str, Any]:
        """Where the log is."""
        waits_seq, waits_nodes = self._ledger.waits_for()
        return {
            "last_seq": self._event_seq,
            "stored_seq": min(self._appender.stored_seq, self._event_seq),
            "root_seq": self._stamping.root_seq,
            "local_ns": self._stamping.local_ns,
            "roots_waiting": len(self._intake.waiting),
            "waits_for": {"seq": waits_seq, "nodes": waits_nodes},
            "ended": self.is_ended and self._is_stored,
            "lookups": self._appender.lookups,
            "roots_repeated": self._intake.repeated,
            "holes": self._intake.holes,
            "held_ns": self._hold.late_ns,
            "stalls": self._hold.count,
        } | msgspec.structs.asdict(self.counts)

    @property
    def _is_stored(self) -> bool:
        return self._ledger.is_quiescent and self._appender.stored_seq == self._appender.last_seq

    async def _on_report(self, message: Msg) -> None:
        node = message.subject.rsplit(".", 1)[1]
        self.counts.reports += 1
        try:
            report = read(self._report, message.data)
            for seq, outputs in report.outputs:
                self._take_report(node, seq, outputs, report.writer)
        except MalformedError:
            self.counts.reports_refused += 1
            raise
        await self._pump()

    def _take_report(self, node: str, seq: int, outputs: list[bytes], writer: str) -> None:
        if not self._ledger.waits(node, seq):
            self.counts.reports_late += 1
        elif foreign := [kind for data in outputs if PUBLISHED_BY[kind := type(read(decode, data)).__name__] != node]:
            self._refuse(node, f"to {seq} it may not publish {', '.join(foreign)}")
        else:
            self._ledger.report(node, seq, outputs)
            self._appender.reported(seq, writer)

    def _refuse(self, node: str, reason: str) -> None:
        self.counts.reports_refused += 1
        log.error("a report of %s is refused: %s", node, reason)

    def _on_free(self) -> None:
        """There is room in flight, or all is stored: roots, sources and operators may wait for that."""
        if self._ledger.is_quiescent and (self._intake.is_ack_due or self._intake.waiting or self._stamping.first):
            self._pump_soon()

    def _pump_soon(self) -> None:
        if self._soon is None or self._soon.done():
            self._soon = self._bus.begin(self._pump())

    async def _pump(self) -> None:
        """Append all that may be appended now. Only one of these runs; the others leave it their work."""
        self._work_came = True
        if self._pumping:
            return
        self._pumping = True
        try:
            while self._work_came:
                self._work_came = False
                while await self._step():
                    self._appends += 1
                    if self._appends % YIELD_APPENDS == 0:
                        await asyncio.sleep(0)
                await self._intake.confirm(self._appender.stored_seq)
        finally:
            self._pumping = False

    async def _step(self) -> bool:
        """Finish the first open event, or append one root; False if there is nothing to do now."""
        outputs = self._ledger.pop()
        if outputs is not None:
            for output in outputs:
                head = self._head(output.data)
                subject = subject_of(self._group, KINDS[head.type], head.instrument_id)
                label = Label(output.node, output.cause, output.index, self._tree, self._appender.writer)
                await self._append(head.type, subject, label, output.data)
                if head.type == "SubmitOrder":
                    self.on_order(perf_counter() - self.tree_s)
            self.counts.outputs += len(outputs)
            if self._ledger.is_quiescent:
                self.on_quiescent(perf_counter() - self.tree_s)
            return True
        root = self._next_root() if self._ledger.is_quiescent and self._appender.is_free else None
        if root is None or (not self.is_ended and await self._hold.holds(root)):
            return False
        await self._append_root(*self._stamping.take())
        return True

    def _next_root(self) -> RootEvent | None:
        """Stamp roots that wait until there is one to append."""
        while self._intake.waiting and not self._stamping.first:
            waiting = self._intake.waiting.popleft()
            if waiting.data is None or self.is_ended:
                self._end(waiting)
            else:
                self._stamp(waiting, decoded(waiting.data))
        return self._stamping.first

    def _on_clock(self, sent_ns: int, is_new: bool) -> None:
        self._clock.receive(sent_ns + self._offset_ns, is_new=is_new)

    def _on_skip(self) -> bool:
        """A source has given up what it sent before: so does a log that is held, and takes what follows first."""
        if not self._hold.release():
            return False
        self._intake.waiting.extendleft(reversed(self._stamping.undo()))
        return True

    def _end(self, waiting: Waiting) -> None:
        """The end comes with a last Tick; what a source sends behind it is dropped."""
        has_tick = not self.is_ended and self._stamping.finish(waiting)
        self.is_ended = True
        if not has_tick:
            self._drop(waiting, "the log has ended")

    def _drop(self, waiting: Waiting, reason: str) -> None:
        """Take the next roots of a source without this one."""
        waiting.refused = reason
        self._intake.appended(self._appender.last_seq, waiting)

    def _stamp(self, waiting: Waiting, root: AnyEvent | None) -> None:
        """A root, with the Ticks before it."""
        if SOURCES.get(type(root)) != waiting.source.split(".")[0]:  # type: ignore[arg-type]
            self.counts.roots_refused += 1
            reason = f"it may not publish {type(root).__name__}" if root is not None else "it is no event"
            log.error("root %d of %s refused: %s", waiting.number, waiting.source, reason)
            self._drop(waiting, reason)
            return
        if isinstance(root, OperatorCommand):
            root = self._timed(root)
        stamped = self._stamping.stamp(root, waiting)  # type: ignore[arg-type]  # what sources may publish are roots
        # The definition comes before the market: the clock begins with what follows.
        if not isinstance(stamped, InstrumentDefined):
            self._clock.set(stamped.local_ns)

    def _timed(self, command: OperatorCommand) -> OperatorCommand:
        """A command happens when it comes: by the clock, or where the market makes the time, at the last root's."""
        now_ns = self._clock.now_ns() if self._by_clock and self._clock.is_set else self._stamping.local_ns
        return msgspec.structs.replace(command, ts_ns=now_ns, recv_ns=0)

    async def _append_root(self, root: RootEvent, waiting: Waiting | None) -> None:
        source, number = (CLOCK, root.root_seq) if waiting is None else (waiting.source, waiting.number)
        if waiting is not None and waiting.data is None:
            source = CLOSE
        self._tree = self._appender.last_seq + 1
        self.tree_s = perf_counter()
        label = Label(source, number, 0, self._tree, self._appender.writer)
        kind = type(root).__name__
        subject = subject_of(self._group, KINDS[kind], getattr(root, "instrument_id", ""))
        self._lateness.appended(root)
        await self._append(kind, subject, label, encode(root))
        self.counts.roots += 1
        if waiting is not None:
            self._intake.appended(self._event_seq, waiting)

    async def _append(self, kind: str, subject: str, label: Label, data: bytes) -> None:
        """An event to which a node subscribes needs no ack: the node's report shows that it is stored."""
        self._event_seq = await self._appender.append(subject, label, data, acked=not self._ledger.subscribers[kind])
        self._ledger.appended(self._event_seq, kind)

    async def _request_reports(self) -> None:
        """Request the reports that may be lost from the nodes."""
        self.counts.resends += 1
        await self._bus.publish(resend_subject(self._group), b"")

    async def _watch_reports(self) -> None:
        """A report, or an ack to a source, may get lost: request again when nothing moves."""
        while True:
            before = self._appender.last_seq
            await asyncio.sleep(RESEND_S)
            if not self._ledger.is_quiescent and self._appender.last_seq == before:
                await self._request_reports()
            await self._hold.request_again()
            self._pump_soon()

    async def _tick(self) -> None:
        """In a silent market the clock makes the Ticks, some grace after they are due."""
        while not self.is_ended:
            due_ns = self._stamping.due_ns + self._grace_ns
            wait_s = (due_ns - self._clock.now_ns()) / NS_PER_S if self._clock.is_set else RESEND_S
            await asyncio.sleep(max(wait_s, 0.001))
            is_idle = self._ledger.is_quiescent and not self._intake.waiting and not self._stamping.first
            if is_idle and self._clock.is_set and self._clock.now_ns() >= self._stamping.due_ns + self._grace_ns:
                self._stamping.finish()
                self._pump_soon()
