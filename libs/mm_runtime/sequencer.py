"""The only writer of a group's log: stamps roots, inserts Ticks, appends the nodes' answers in their one order.

All that it knows stands in the log: killed at any moment it goes on from the log's end (protocol 9).
"""

import asyncio
import logging
import uuid
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
from nats.aio.msg import Msg

from mm_core.events import EVENTS, AnyEvent, OperatorCommand, RootEvent
from mm_core.sequencer import Sequencer as Stamper
from mm_runtime.appender import Appender
from mm_runtime.bus import Bus, open_log
from mm_runtime.intake import Intake, Waiting
from mm_runtime.label import Label
from mm_runtime.ledger import Ledger
from mm_runtime.rebuild import CLOSE, read_end
from mm_runtime.reports import Report
from mm_runtime.topology import HEARERS
from mm_wire.codec import decode, encode
from mm_wire.subjects import report_subject, resend_subject, said_by, subject_of

log = logging.getLogger(__name__)

CLOCK = "clock"
RESEND_S = 0.5
YIELD_APPENDS = 64

KINDS = {kind.__name__: kind for kind in EVENTS}
SAID_BY = {kind.__name__: said_by(kind) for kind in EVENTS}


class _Head(msgspec.Struct):
    """What must be read of an answer to append it."""

    type: str
    instrument_id: str = ""


class Counts(msgspec.Struct):
    """What the sequencer has seen since it started."""

    roots: int = 0
    roots_refused: int = 0
    answers: int = 0
    reports: int = 0
    reports_late: int = 0
    reports_refused: int = 0
    resends: int = 0


class Sequencer:
    """The sequencer of one group. `clock_ns` is the time that makes Ticks in a silent market; None: only roots do."""

    def __init__(
        self, bus: Bus, group: str, stamper: Stamper, clock_ns: Callable[[], int] | None = None, grace_ns: int = 0
    ) -> None:
        self.counts = Counts()
        self.is_ended = False
        self.on_quiescent: Callable[[float], Any] = lambda _seconds: None
        self._bus = bus
        self._group = group
        self._stamper = stamper
        self._clock_ns = clock_ns
        self._grace_ns = grace_ns
        self._ledger = Ledger(HEARERS)
        self._appender: Appender
        self._intake = Intake(bus, group, self._pump)
        self._stamped: deque[tuple[RootEvent, Waiting | None]] = deque()
        self._tree = 0
        self._tree_s = 0.0
        self._pumping = False
        self._work_came = False
        self._appends = 0
        self._head = msgspec.msgpack.Decoder(_Head).decode
        self._report = msgspec.msgpack.Decoder(Report).decode
        self._tasks: list[asyncio.Task[None]] = []
        self._soon: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take up the log at its end, then hear sources and nodes."""
        last_seq = await open_log(self._bus, self._group)
        end = await read_end(self._bus, self._group, last_seq)
        self._stamper.resume(end.root_seq, end.local_ns)
        self._ledger.rebuild(end.tree)
        self._tree, self.is_ended = end.tree_seq, end.is_closed
        self._appender = Appender(self._bus, self._group, uuid.uuid4().hex, last_seq)
        await self._appender.start(self._pump_soon)
        await self._bus.subscribe(report_subject(self._group, "*"), self._on_report)
        self._bus.on_reconnect(self._ask_again)
        log.info("the log ends at %d, root %d", last_seq, end.root_seq)
        await self._ask_again()
        await self._intake.start(end.sources)
        self._begin(self._watch_reports())
        if self._clock_ns is not None:
            self._begin(self._tick())

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        task.add_done_callback(self._bus.ended)
        self._tasks.append(task)

    async def stop(self) -> None:
        """Append nothing more."""
        for task in self._tasks:
            task.cancel()
        await self._appender.stop()

    def status(self) -> dict[str, Any]:
        """Where the log is."""
        waits_seq, waits_nodes = self._ledger.waits_for()
        return {
            "last_seq": self._appender.last_seq,
            "stored_seq": self._appender.stored_seq,
            "root_seq": self._stamper.root_seq,
            "local_ns": self._stamper.local_ns,
            "roots_waiting": len(self._intake.waiting),
            "waits_for": {"seq": waits_seq, "nodes": waits_nodes},
            "ended": self.is_ended and self._is_stored,
            "doubts": self._appender.doubts,
            "roots_repeated": self._intake.repeated,
            "holes": self._intake.holes,
        } | msgspec.structs.asdict(self.counts)

    @property
    def _is_stored(self) -> bool:
        return self._ledger.is_quiescent and self._appender.stored_seq == self._appender.last_seq

    async def _on_report(self, message: Msg) -> None:
        report = self._report(message.data)
        node = message.subject.rsplit(".", 1)[1]
        self.counts.reports += 1
        for seq, answers in report.answers:
            if strange := [kind for data in answers if SAID_BY.get(kind := self._head(data).type) != node]:
                self.counts.reports_refused += 1
                log.error("report of %s to %d refused: it may not say %s", node, seq, ", ".join(strange))
            elif not self._ledger.report(node, seq, answers):
                self.counts.reports_late += 1
        await self._pump()

    def _pump_soon(self) -> None:
        if self._soon is None or self._soon.done():
            self._soon = asyncio.create_task(self._pump())
            self._soon.add_done_callback(self._bus.ended)

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
        answers = self._ledger.pop()
        if answers is not None:
            for answer in answers:
                head = self._head(answer.data)
                subject = subject_of(self._group, KINDS[head.type], head.instrument_id)
                label = Label(answer.node, answer.cause, answer.index, self._tree, self._appender.writer)
                seq = await self._appender.append(subject, label, answer.data)
                self._ledger.appended(seq, head.type)
            self.counts.answers += len(answers)
            if self._ledger.is_quiescent:
                self.on_quiescent(asyncio.get_running_loop().time() - self._tree_s)
            return True
        if not (self._ledger.is_quiescent and self._appender.is_free and (self._stamped or self._stamp_next())):
            return False
        await self._append_root(*self._stamped.popleft())
        return True

    def _stamp_next(self) -> bool:
        """Stamp roots that wait until there is one to append; False if there is none."""
        while self._intake.waiting and not self._stamped:
            waiting = self._intake.waiting.popleft()
            if waiting.data is None or self.is_ended:
                self._end(waiting)
            else:
                self._stamp(waiting, decode(waiting.data))
        return bool(self._stamped)

    def _end(self, waiting: Waiting) -> None:
        """The end comes with a last Tick; what a source says behind it is dropped."""
        ticks = [] if self.is_ended else self._stamper.finish()
        self.is_ended = True
        self._stamped += [(tick, waiting) for tick in ticks]
        if not ticks:
            self._intake.dropped(waiting)

    def _stamp(self, waiting: Waiting, root: AnyEvent) -> None:
        """A root, with the Ticks before it."""
        if said_by(type(root)) != waiting.source.split(".")[0]:
            self.counts.roots_refused += 1
            log.error("root %d of %s refused: it may not say %s", waiting.number, waiting.source, type(root).__name__)
            self._intake.dropped(waiting)
            return
        if isinstance(root, OperatorCommand):
            root = self._timed(root)
        *ticks, stamped = self._stamper.stamp(root)  # type: ignore[arg-type]  # what sources may say are roots
        self._stamped += [(tick, None) for tick in ticks]
        self._stamped.append((stamped, waiting))

    def _timed(self, command: OperatorCommand) -> OperatorCommand:
        """A command happens when it comes: by the clock, or where the market makes the time, at the last root's."""
        if self._clock_ns is None:
            return msgspec.structs.replace(command, ts_ns=self._stamper.local_ns, recv_ns=0)
        return msgspec.structs.replace(command, ts_ns=0, recv_ns=self._clock_ns())

    async def _append_root(self, root: RootEvent, waiting: Waiting | None) -> None:
        source, number = (CLOCK, root.root_seq) if waiting is None else (waiting.source, waiting.number)
        if waiting is not None and waiting.data is None:
            source = CLOSE
        self._tree = self._appender.last_seq + 1
        self._tree_s = asyncio.get_running_loop().time()
        label = Label(source, number, 0, self._tree, self._appender.writer)
        kind = type(root).__name__
        subject = subject_of(self._group, KINDS[kind], getattr(root, "instrument_id", ""))
        seq = await self._appender.append(subject, label, encode(root))
        self._ledger.appended(seq, kind)
        self.counts.roots += 1
        if waiting is not None:
            self._intake.appended(seq, waiting)

    async def _ask_again(self) -> None:
        """Ask the nodes for the reports that may be lost."""
        self.counts.resends += 1
        await self._bus.publish(resend_subject(self._group), b"")

    async def _watch_reports(self) -> None:
        """A report, or the word to a source, may get lost: ask again when nothing moves."""
        while True:
            before = self._appender.last_seq
            await asyncio.sleep(RESEND_S)
            if not self._ledger.is_quiescent and self._appender.last_seq == before:
                await self._ask_again()
            self._pump_soon()

    async def _tick(self) -> None:
        """In a silent market the clock makes the Ticks, some grace after they are due."""
        assert self._clock_ns is not None
        while not self.is_ended:
            due_ns = self._stamper.due_ns + self._grace_ns
            wait_s = (due_ns - self._clock_ns()) / 1e9 if self._stamper.due_ns else RESEND_S
            await asyncio.sleep(max(wait_s, 0.001))
            is_idle = self._ledger.is_quiescent and not self._intake.waiting and not self._stamped
            if is_idle and self._stamper.due_ns and self._clock_ns() >= self._stamper.due_ns + self._grace_ns:
                self._stamped += [(tick, None) for tick in self._stamper.finish()]
                self._pump_soon()
