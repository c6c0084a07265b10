"""A paper session on the bus: the services of a `Chain`, their log heard by us, and what is left of it in the end."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter_ns, time_ns
from typing import Any

import msgspec
import typer
import uvloop

from mm_cli.console import Look, console
from mm_cli.interrupt import interruptible
from mm_core.events import Event, InstrumentDefined
from mm_core.setup.config import Config
from mm_core.setup.warm import warm
from mm_core.types import NS_PER_S, InputError
from mm_research.heard import Heard
from mm_research.paper import Result
from mm_research.session import Session, check_folder, write_session
from mm_runtime.chain import Chain
from mm_runtime.log_poller import LogPoller
from mm_runtime.sessions import Running, listed
from mm_runtime.settings import Settings
from mm_store.log_file import writing_log
from mm_store.ws_lines import LeftOut
from mm_venues.binance.counts import FeedCounts, never_proven
from mm_wire.chain import Record
from mm_wire.codec import decode
from mm_wire.subjects import ARCHIVER, RECORDER, SEQUENCER

POLL_S = 0.05
ARCHIVE_S = 60.0  # how long the end waits for the store to catch up
UNREACHABLE_S = 3.0  # and for one that cannot be reached
SILENT_NS = 2 * NS_PER_S  # after a live session's duration its next frame should have come
START_NS = 60 * NS_PER_S  # for the first data of a session
FIRST_ROOTS = 3  # the services are up when the third root is on the log: the second one waits for them
PARTS = ("bus", "clickhouse", "frames", "services")  # of an earlier session in the same folder


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What a session is asked to do. `options` are those of all services, `recorder` and `own` as in `Chain.start`."""

    instrument: InstrumentDefined
    settings: Settings
    options: Sequence[str]
    recorder: Sequence[str]
    own: dict[str, str]
    out: Path | None
    inputs: Sequence[Path]
    duration_ns: int = 0  # of a live session, at whose end the market may be silent


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a session did; `store` are the rows in ClickHouse, None where it could not be reached."""

    result: Result
    store: dict[str, int] | None
    restarts: dict[str, int]


def trade(order: Order) -> Outcome:
    """Run a session to its end, and write its folder. InputError for what a service refuses."""
    warm(order.settings, order.instrument)
    with _folder(order.out) as folder, interruptible() as asked:
        for part in PARTS:
            shutil.rmtree(folder / part, ignore_errors=True)
        return uvloop.run(_trade(order, folder, asked))


async def _trade(order: Order, folder: Path, asked: Callable[[], bool]) -> Outcome:
    return await _Trading(order, folder, asked).run()


@contextmanager
def _folder(out: Path | None) -> Iterator[Path]:
    """The session's folder; without one, a temporary one."""
    if out is not None:
        check_folder(out)
        yield out
        return
    with tempfile.TemporaryDirectory(prefix="crypto-mm-") as temporary:
        yield Path(temporary)


class _Trading:
    """One session while it runs."""

    def __init__(self, order: Order, folder: Path, asked: Callable[[], bool]) -> None:
        self._order = order
        self._folder = folder
        self._asked = asked
        self._chain = Chain(folder, order.settings, order.options)
        self._heard = Heard(order.instrument, order.settings)
        self._keep: Callable[[Event], object] = lambda _: None
        self._reader: LogPoller
        self._started_ns = 0
        self._waiting_ns = perf_counter_ns()
        self._complete = True

    async def run(self) -> Outcome:
        order, chain = self._order, self._chain
        now = datetime.now(UTC)
        session = f"{order.instrument.instrument_id}-{now:%Y%m%dT%H%M%S}"
        own = {"store.path": str(self._folder / "clickhouse"), "store.session": session} | order.own
        try:
            await chain.start(order.instrument, order.recorder, own)
            running = Running(
                pid=os.getpid(),
                url=chain.url,
                group=chain.group,
                instrument=order.instrument,
                config={name: msgspec.to_builtins(getattr(order.settings, name)) for name in Config.__struct_fields__},
                folder=str(self._folder.resolve()),
                started_ns=time_ns(),
            )
            writing = nullcontext(self._keep) if order.out is None else writing_log(self._folder)
            with listed(running), writing as self._keep:
                outcome = await self._follow()
        finally:
            await chain.stop()
            shutil.rmtree(self._folder / "bus", ignore_errors=True)
        self._write(outcome)
        return outcome

    async def _follow(self) -> Outcome:
        """Hear the log to its end."""
        self._reader = LogPoller(self._chain.bus, self._chain.group, self._hear)
        await self._reader.start()
        with console(f"crypto-mm paper {self._order.instrument.instrument_id}") as show:
            await self._until_ended(lambda: show(self._look()))
        wall_s = (perf_counter_ns() - self._started_ns) / NS_PER_S if self._started_ns else 0.0
        last_seq = self._reader.event_seq
        recorder = await self._chain.status(RECORDER)
        store = await self._stored(last_seq)
        await self._reader.stop()
        if recorder is None or not self._heard.last_ns:
            raise InputError(f"no market data of {self._order.instrument.instrument_id}; expected its frames")
        counts = msgspec.convert(recorder["feed"], FeedCounts)
        unproven = never_proven(counts, self._order.instrument.venue_symbol)
        if unproven and self._complete:
            raise InputError(unproven)
        result = Result(
            recording=self._heard.recording(),
            config=self._order.settings,
            feed=counts,
            market_s=(self._heard.last_ns - self._heard.first_ns) / NS_PER_S,
            wall_s=wall_s,
            complete=self._complete,
            left_out=msgspec.convert(recorder["left_out"], dict[str, LeftOut]),
            failures=recorder["failures"],
        )
        return Outcome(result=result, store=store, restarts=self._chain.supervisor.restarts)

    async def _until_ended(self, show: Callable[[], None]) -> None:
        asked_to_end = False
        while True:
            self._chain.check()
            status = await self._chain.status(SEQUENCER)
            if status and status["ended"] and self._reader.next_seq > status["last_seq"]:
                return
            if not asked_to_end and (self._asked() or self._is_over()):
                asked_to_end, self._complete = True, not self._asked()
                await self._chain.end_data()
            show()
            await asyncio.sleep(POLL_S)

    def _is_over(self) -> bool:
        """The recorder ends a session by the times of its frames; in a silent market, which has none, we do."""
        duration_ns = self._order.duration_ns
        begun_ns = self._started_ns or self._waiting_ns + START_NS
        return bool(duration_ns) and perf_counter_ns() - begun_ns >= duration_ns + SILENT_NS

    async def _stored(self, last_seq: int) -> dict[str, int] | None:
        """Wait for the store to hold the log; what it holds, None if it does not within a minute."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + ARCHIVE_S
        while loop.time() < until_s:
            self._chain.check()
            status = await self._chain.status(ARCHIVER)
            if status and status["counted_seq"] >= last_seq:
                counts: dict[str, int] = status["counts"]
                return counts
            if status and status["is_failing"]:
                until_s = min(until_s, loop.time() + UNREACHABLE_S)
            await asyncio.sleep(POLL_S)
        typer.echo("paper: the store does not hold all of the log: see services/archiver.log", err=True)
        return None

    async def _hear(self, record: Record) -> None:
        if record.is_fence:
            return
        event = decode(record.data)
        self._heard.hear(event)
        self._keep(event)
        if not self._started_ns and self._heard.root_seq >= FIRST_ROOTS:
            self._started_ns = perf_counter_ns()

    def _look(self) -> Look:
        heard = self._heard
        wall_s = (perf_counter_ns() - self._started_ns) / NS_PER_S if self._started_ns else 0.0
        speed_x = (heard.last_ns - heard.first_ns) / NS_PER_S / wall_s if wall_s else 0.0
        restarts = self._chain.supervisor.restarts
        return Look(standing=heard.standing(), log_seq=self._reader.next_seq - 1, restarts=restarts, speed_x=speed_x)

    def _write(self, outcome: Outcome) -> None:
        order = self._order
        if order.out is None:
            return
        about = Session(
            command="paper",
            config=order.settings,
            instrument=order.instrument,
            inputs=order.inputs,
            complete=outcome.result.complete,
        )
        write_session(order.out, about, outcome.result.recording, summary(outcome) | {"session": str(order.out)})


def summary(outcome: Outcome) -> dict[str, Any]:
    """The keys of `paper --json`, but the session's."""
    return outcome.result.summary() | {"store": outcome.store, "restarts": outcome.restarts}
