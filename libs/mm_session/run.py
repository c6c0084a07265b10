"""A paper session on the bus: the services of a `Chain`, their log read by us, and its results."""

import asyncio
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import msgspec
import uvloop

from mm_bus.log_poller import LogPoller
from mm_core.events import InstrumentDefined
from mm_core.setup.warm import warm
from mm_core.types import NS_PER_S, InputError
from mm_research.paper import Result
from mm_research.session import Session
from mm_research.session_writer import SessionWriter
from mm_service.ending import end_tasks
from mm_session.closing import Ending
from mm_session.folder import Folder, new_folder, old_folder, resume_hint
from mm_session.interrupt import Interrupted, Interrupts, ending_at_once
from mm_session.processes import Chain
from mm_session.sessions import BUS, Running, listed
from mm_session.spec import SessionSpec
from mm_session.view import Console, Notify, SessionView
from mm_store.log_read import read_records
from mm_store.session_file import write_session_file
from mm_store.ws_lines import LeftOut
from mm_venues.feed_counts import FeedCounts, never_proven
from mm_venues.registry import venue_of
from mm_wire.chain import Record
from mm_wire.codec import decode

FIRST_ROOTS = 3  # the services are up when the third root is on the log: the second one waits for them
STOP_S = 10.0  # for the services, to end by themselves
INTERRUPTED_STOP_S, HURRIED_STOP_S = 1.5, 1.0  # after Ctrl-C, and after a second one


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a session did; `store` are the rows in ClickHouse, None where it could not be reached.

    `is_closed` is false where it was ended before its log could be: then it may go on. `is_on_file`: the log on disk is
    proven to hold all that the bus does.
    """

    result: Result
    store: dict[str, int] | None
    restarts: dict[str, int]
    is_closed: bool
    is_on_file: bool
    folder: Path


def trade(spec: SessionSpec, console: Console, notify: Notify) -> Outcome:
    """Run a session to its end, and write its folder. InputError for what a service refuses.

    Whatever happens, what was received and decided stays in its folder, which is printed after a second interrupt.
    """
    opened = new_folder(spec.out) if spec.is_new or spec.out is None else old_folder(spec.out)
    with ending_at_once(), opened as folder:
        try:
            write_session_file(folder.path, spec.file)
            warm(spec.settings, spec.file.instrument)
            with SessionWriter(spec.out, spec.file.instrument, spec.settings) as writer:
                outcome = uvloop.run(_trade(lambda: _Trading(spec, folder, writer, console, notify)))
                if outcome.is_closed:
                    _write(spec, outcome, writer)
                    folder.is_done = True
            if outcome.is_on_file and outcome.store is not None:
                shutil.rmtree(folder.path / BUS, ignore_errors=True)  # not there, if the bus was not our own
        except KeyboardInterrupt as interrupt:
            hint = f": {resume_hint(folder.path)}" if folder.has_begun else ""
            raise Interrupted(f"interrupted{hint}") from interrupt
        except BaseException:
            if folder.has_begun:
                notify(resume_hint(folder.path))
            raise
        if not outcome.is_closed:
            notify(resume_hint(folder.path))
        return outcome


async def _trade(begin: Callable[[], "_Trading"]) -> Outcome:
    """Run it beside the signals that end it. KeyboardInterrupt after a second one."""
    trading = begin()  # in the loop, to which its processes belong
    interrupts = trading.interrupts
    with interrupts.watched():
        work = asyncio.create_task(trading.run())
        hurried = asyncio.create_task(interrupts.twice.wait())
        try:
            await asyncio.wait([work, hurried], return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                raise KeyboardInterrupt
            return work.result()
        finally:
            await end_tasks([hurried, work])
            await trading.stop()


class _Trading:
    """One session while it runs."""

    def __init__(
        self, spec: SessionSpec, folder: Folder, writer: SessionWriter, console: Console, notify: Notify
    ) -> None:
        self.interrupts = Interrupts()
        self._spec = spec
        self._folder = folder
        self._console = console
        self._chain = Chain(folder.path, spec.services(folder.path), [folder.lock])
        self._writer = writer
        self._heard = writer.tracker
        self._reader: LogPoller
        self._list: Callable[[Running], None]
        self._restarts: dict[str, int] = {}  # as they are listed
        self._started_ns = 0
        self._last = 0, ""  # sequence and name of the log's last message
        self._ending = Ending(self._chain, self.interrupts, spec.live_duration_ns, notify)

    async def run(self) -> Outcome:
        """From the start of its processes to the end of its log."""
        spec, chain = self._spec, self._chain
        self.interrupts.on_more = chain.supervisor.kill_all
        try:
            await chain.open(is_new=spec.is_new)
        finally:
            self._folder.has_begun = self._folder.has_begun or chain.supervisor.has_begun
        done_ns = 0 if spec.is_new else await chain.log_ns()
        await chain.start(spec.file.instrument, spec.recorder(self._folder.path, done_ns))
        self._folder.has_begun = True
        with listed(self._running()) as self._list:
            return await self._follow()

    async def stop(self) -> None:
        """End all processes; after Ctrl-C they have less time for it, and at a third one none."""
        interrupts = self.interrupts
        interrupts.is_ending = True
        if interrupts.once.is_set():
            await self._chain.stop(HURRIED_STOP_S if interrupts.twice.is_set() else INTERRUPTED_STOP_S, hurried=True)
        else:
            await self._chain.stop(STOP_S)

    def _running(self) -> Running:
        file, chain = self._spec.file, self._chain
        return Running(
            pid=os.getpid(),
            url=chain.url,
            group=chain.group,
            instrument=file.instrument,
            config=file.config,
            folder=str(self._folder.path.resolve()),
            started_ns=file.begun_ns,
            name=file.name,
            restarts=self._restarts,
        )

    async def _follow(self) -> Outcome:
        """Read the log to its end."""
        ending = self._ending
        if not self._spec.is_new:  # the bus may no longer have the log's begin
            for record in read_records(self._folder.path):
                await self._take(record)
        seq, name = self._last
        self._reader = LogPoller(self._chain.bus, self._chain.group, self._take, seq + 1, name)
        await self._reader.start()
        with self._console(f"crypto-mm paper {self._spec.file.instrument.instrument_id}") as show:
            is_closed = await ending.until_ended(self._reader, lambda: self._started_ns, lambda: show(self._view()))
        wall_s = (perf_counter_ns() - self._started_ns) / NS_PER_S if self._started_ns else 0.0
        store = await ending.stored(self._reader.event_seq, self._last) if is_closed else None
        recorder = await ending.recorder_status() if is_closed else ending.recorder
        await self._reader.stop()
        self._writer.finish()
        result = self._result(recorder, wall_s, is_complete=ending.is_complete and is_closed)
        if is_closed and self._writer.failure:
            result.failures.append(self._writer.failure)
        if is_closed and not ending.is_on_file:
            result.failures.append(f"{self._folder.path}: the log on disk is incomplete: see services/archiver.log")
        return Outcome(
            result=result,
            store=store,
            restarts=self._chain.supervisor.restarts,
            is_closed=is_closed,
            is_on_file=ending.is_on_file,
            folder=self._folder.path,
        )

    def _result(self, recorder: dict[str, Any] | None, wall_s: float, *, is_complete: bool) -> Result:
        """InputError if a session that was not interrupted had nothing to trade on."""
        instrument = self._spec.file.instrument
        if is_complete and (recorder is None or not self._heard.last_ns):
            raise InputError(f"no market data of {instrument.instrument_id}; expected its frames")
        counts = msgspec.convert(recorder["feed"], FeedCounts) if recorder else _no_counts(instrument)
        unproven = never_proven(counts, instrument.venue_symbol)
        if unproven and is_complete:
            raise InputError(unproven)
        return Result(
            report=self._writer.report,
            feed=counts,
            market_s=(self._heard.last_ns - self._heard.first_ns) / NS_PER_S,
            wall_s=wall_s,
            complete=is_complete,
            left_out=msgspec.convert(recorder["left_out"], dict[str, LeftOut]) if recorder else {},
            failures=list(recorder["failures"]) if recorder else [],
        )

    async def _take(self, record: Record) -> None:
        self._last = record.seq, record.name
        if record.is_fence:
            return
        self._writer.take(decode(record.data))
        if not self._started_ns and self._heard.root_seq >= FIRST_ROOTS:
            self._started_ns = perf_counter_ns()

    def _view(self) -> SessionView:
        heard, supervisor = self._heard, self._chain.supervisor
        if supervisor.restarts != self._restarts:
            self._restarts = supervisor.restarts
            self._list(self._running())
        wall_s = (perf_counter_ns() - self._started_ns) / NS_PER_S if self._started_ns else 0.0
        return SessionView(
            standing=heard.status(),
            log_seq=self._reader.next_seq - 1,
            restarts=supervisor.restarts,
            waiting=supervisor.waiting,
            speed_x=(heard.last_ns - heard.first_ns) / NS_PER_S / wall_s if wall_s else 0.0,
        )


def _no_counts(instrument: InstrumentDefined) -> FeedCounts:
    """Of a recorder that never replied."""
    return venue_of(instrument.instrument_id).new_feed(instrument).counts()


def _write(spec: SessionSpec, outcome: Outcome, writer: SessionWriter) -> None:
    about = Session(
        command="paper",
        config=spec.settings,
        instrument=spec.file.instrument,
        inputs=[Path(each.path) for each in spec.file.inputs],
        complete=outcome.result.complete,
    )
    writer.write(about, summary(outcome) | {"session": str(spec.out)})


def summary(outcome: Outcome) -> dict[str, Any]:
    """The keys of `paper --json`, but the session's."""
    more = {"store": outcome.store, "restarts": outcome.restarts, "closed": outcome.is_closed}
    return outcome.result.summary() | more
