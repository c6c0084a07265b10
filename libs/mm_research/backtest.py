"""A backtest: the log's rows through the same handlers that decide live, in the order in which the log has them."""

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import numpy as np
import pyarrow as pa

from mm_core.events import InstrumentDefined
from mm_core.events.records import MESSAGE
from mm_core.setup.config import Config
from mm_core.setup.core import Core, new_core
from mm_core.setup.notes import start_notes
from mm_core.types import NS_PER_S, InputError
from mm_research import tables
from mm_research.columns import Rows, tape_rows
from mm_research.engine.loop import run
from mm_research.engine.state import SAMPLE, SHARED
from mm_research.market import Market, check_proven, load_compiled, market_of, set_apart, trust_feed
from mm_research.recording import Array, Recording
from mm_research.report import report
from mm_research.session import Session, check_folder, write_session
from mm_research.venue_mids import Mids, VenueMids
from mm_store.tape import Tape

_STRIDE_ROWS = 1 << 18  # between calls of `progress`, which may stop the run
_DRAIN_ROWS = 1 << 13

Progress = Callable[[int, int], bool]


def no_progress(_done: int, _total: int) -> bool:
    """A `progress` that shows nothing and never stops the run."""
    return True


class Result:
    """What a backtest found: tables, the exact result, and how long it took. `complete` is false if it was stopped."""

    def __init__(self, recording: Recording, config: Config, rows: int, seconds: float, complete: bool) -> None:
        self.recording = recording
        self.config = config
        self.rows = rows
        self.seconds = seconds
        self.complete = complete

    @cached_property
    def quotes(self) -> pa.Table:
        """Intended orders with the answer of risk."""
        return tables.quotes(self.recording)

    @cached_property
    def orders(self) -> pa.Table:
        """Messages about orders, in log order, but the fills."""
        return tables.orders(self.recording)

    @cached_property
    def fills(self) -> pa.Table:
        """Fills."""
        return tables.fills(self.recording)

    @cached_property
    def state(self) -> pa.Table:
        """Book and position at every decision."""
        return tables.state(self.recording)

    @cached_property
    def pnl(self) -> pa.Table:
        """The result at every decision and its exact split."""
        return tables.pnl(self.recording)

    def summary(self) -> dict[str, Any]:
        """The keys of `backtest --json`, but the session's."""
        recording = self.recording
        return {
            "rows": self.rows,
            "seconds": self.seconds,
            "rows_per_s": round(self.rows / self.seconds) if self.seconds else 0,
            **report(recording, self.config),
            "digests": recording.digests(),
        }


def backtest(
    source: Tape | Rows,
    instrument: InstrumentDefined,
    config: Config,
    out: Path | None = None,
    *,
    inputs: Sequence[Path] = (),
    progress: Progress = no_progress,
) -> Result:
    """Run one configuration over a tape, or over rows in log order, and write a session folder if `out` names one.

    Rows that are no tape and have no feed status are taken as those of a VALID book. `inputs` are the files behind the
    source, for the manifest. `progress` is called with (rows done, rows in all) now and then, and ends the run early
    by returning False.
    InputError for a configuration that does not fit the instrument or can never quote, no rows, a tape whose book was
    never proven, or a folder that cannot be written.
    """
    core = new_core(config, instrument)
    start_notes(config, instrument)
    if out is not None:
        check_folder(out)
    rows = tape_rows(source, core.offset_ns) if isinstance(source, Tape) else source
    if not len(rows):
        raise InputError(f"{instrument.instrument_id}: no rows to run over; expected a tape with market data")
    market = _market(source, rows, core)
    load_compiled(market, rows, core)
    started_ns = perf_counter_ns()
    messages, samples, complete = _run(market, rows, core, progress)
    seconds = (perf_counter_ns() - started_ns) / NS_PER_S
    done = len(source) if complete else int(market["row"][0])
    find_mids = partial(_mids, core, rows[: int(market["row"][0])], apart=bool(market["apart"][0]))
    result = Result(Recording(instrument, messages, samples, find_mids), config, done, seconds, complete)
    if out is not None:
        session = Session(command="backtest", config=config, instrument=instrument, inputs=inputs, complete=complete)
        write_session(out, session, result.recording, result.summary() | {"session": str(out)})
    return result


def _market(source: Tape | Rows, rows: Rows, core: Core) -> Market:
    """The market of a run that is recorded. InputError for a tape whose book was never proven."""
    market = market_of([core], SHARED, first_tick_ns(rows, core.period_ns))
    market["record"] = 1
    set_apart(market, rows)
    if isinstance(source, Tape):
        check_proven(source)
    else:
        trust_feed(market, rows)
    return market


def _mids(core: Core, rows: Rows, *, apart: bool) -> Mids:
    venue = VenueMids(core, apart=apart)
    venue.take(rows)
    return venue.mids()


def first_tick_ns(rows: Rows, period_ns: int) -> int:
    """The first due time of the clock: the first multiple of the period after the first row."""
    return (int(rows["local_ns"][0]) // period_ns + 1) * period_ns


def _run(market: Market, rows: Rows, core: Core, progress: Progress) -> tuple[Array, Array, bool]:
    """Run to the end, or until `progress` returns False; drain what is recorded whenever the engine returns."""
    messages, samples = _Drain(MESSAGE), _Drain(SAMPLE)
    until, done, may_continue = 0, False, True
    while may_continue and not done:
        if int(market["row"][0]) >= until:
            until = min(until + _STRIDE_ROWS, len(rows))
        done = run(market, rows, rows, core.strategy, until)
        messages.take(market, "log", "logged")
        samples.take(market, "samples", "sampled")
        may_continue = progress(int(market["row"][0]), len(rows))
    return messages.taken(), samples.taken(), done


class _Drain:
    """Collects the rows that the engine has recorded; grows in place, which for large arrays moves no byte."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self._rows: Array = np.empty(_DRAIN_ROWS, dtype)
        self._count = 0

    def take(self, market: Market, rows: str, count: str) -> None:
        end = self._count + int(market[count][0])
        if end > len(self._rows):
            self._rows.resize(2 * end, refcheck=False)
        self._rows[self._count : end] = market[rows][0, : end - self._count]
        self._count = end
        market[count] = 0

    def taken(self) -> Array:
        self._rows.resize(self._count, refcheck=False)
        return self._rows
