"""The venue's mids in exchange time: what the figures of fills refer to.

They are those that the paper exchange notes (`mm_core.exchange.clock.remember_mid`), found by its own functions on a
market without orders. An order of ours changes no book, so these are the mids of every run over the same market data.
"""

import math
from typing import Any

import msgspec
import numpy as np

from mm_core import events as e
from mm_core.compiled import Array, compiled, int64, new
from mm_core.exchange.clock import MID, MIDS
from mm_core.setup.core import Core
from mm_core.types import NS_PER_S, InputError
from mm_research.columns import Rows, tape_rows
from mm_research.engine.apart import apart_row, log_event
from mm_research.engine.loop import venue_row
from mm_research.engine.state import LAST_BIT, SHARED
from mm_research.engine.tops import new_order
from mm_research.market import market_of
from mm_store.tape import TapeBuilder

_STRIDE_ROWS = 1 << 16  # rows, and at most as many changes, of one step
_WAITING_EVENTS = 1 << 12  # of a session's log, before they become rows
# Of a long session the last changes are retained, and those of the last minutes: no fill is reported later than that.
_RETAINED_CHANGES = 1 << 16
_RETAINED_NS = 600 * NS_PER_S

Times = np.ndarray[Any, np.dtype[Any]]


class Mids(msgspec.Struct, frozen=True):
    """Changes of the mid (an array of MID, times not going back), known until `end_ns`, the end of the market data.

    Changes before `begin_ns` were dropped: AssertionError for a mid from there.
    """

    changes: Times
    end_ns: int
    begin_ns: int = 0

    def as_of(self, ts_ns: Times) -> Times:
        """The mid in half-ticks at or before each time; NaN before the first and after the end."""
        return self._at(np.searchsorted(self.changes["ts_ns"], ts_ns, side="right"), ts_ns)

    def before(self, ts_ns: Times) -> Times:
        """The mid in half-ticks just before each time; NaN before the first and after the end."""
        return self._at(np.searchsorted(self.changes["ts_ns"], ts_ns, side="left"), ts_ns)

    def _at(self, counts: Times, ts_ns: Times) -> Times:
        assert not np.any(ts_ns < self.begin_ns), "a mid is requested that was dropped"
        known = (counts > 0) & (ts_ns <= self.end_ns)
        values = np.full(len(ts_ns), math.nan)
        values[known] = self.changes["mid_half"][counts[known] - 1]
        return values


NO_MIDS = Mids(np.empty(0, MID), 0)


class VenueMids:
    """Takes the rows of a log in parts. `apart`: as the market of the run (`mm_research.market.set_apart`)."""

    def __init__(self, core: Core, *, apart: bool) -> None:
        self._market = market_of([core], SHARED, 0)
        self._market["apart"] = apart
        self._changes = [np.empty(0, MID)]
        self._begin_ns = 0

    def take(self, rows: Rows) -> None:
        """Take the next rows."""
        for start in range(0, max(len(rows), 1), _STRIDE_ROWS):
            part = rows[start : start + _STRIDE_ROWS]
            found = new(MID, len(part))
            count = _find(self._market, part, found)
            self._changes.append(np.array(found[:count], MID))

    def mids(self) -> Mids:
        """The mids so far."""
        self._changes = [np.concatenate(self._changes)]
        return Mids(self._changes[0], self._market_ns, self._begin_ns)

    @property
    def _market_ns(self) -> int:
        return int(self._market["clock"]["market_ns"][0])

    def drop_old(self) -> None:
        """Drop changes that no fill will need."""
        changes = self.mids().changes
        old = int(np.searchsorted(changes["ts_ns"], self._market_ns - _RETAINED_NS, side="right")) - 1
        first = min(old, len(changes) - _RETAINED_CHANGES)
        if first > 0:
            self._changes = [changes[first:].copy()]
            self._begin_ns = int(self._changes[0]["ts_ns"][0])


class EventMids:
    """The same from the events of a log, in its order: a session holds the changes, not the market data."""

    def __init__(self, instrument: e.InstrumentDefined, core: Core) -> None:
        self._instrument = instrument
        self._venue = VenueMids(core, apart=True)
        self._order = new_order()
        self._waiting: list[e.MarketEvent] = []
        self._is_over = False
        self._take_waiting()  # loads the compiled code before the first event

    def take(self, event: e.MarketEvent) -> None:
        """Take the next market data."""
        if self._is_over:
            return
        # The log's own time: a tape of it needs no clock offset.
        self._waiting.append(msgspec.structs.replace(event, recv_ns=event.local_ns))
        if len(self._waiting) >= _WAITING_EVENTS:
            self._take_waiting()

    def mids(self) -> Mids:
        """The mids so far."""
        self._take_waiting()
        return self._venue.mids()

    def drop_old(self) -> None:
        """Drop mids that no fill will need."""
        self._venue.drop_old()

    def _take_waiting(self) -> None:
        builder = TapeBuilder(self._instrument)
        builder.add(self._waiting)  # type: ignore[arg-type]  # all market events are roots
        self._waiting.clear()
        try:
            tape = builder.tape()
        except InputError:
            # A price that no row holds; the session itself continues, its mids end here.
            self._is_over = True
            return
        self._venue.take(tape_rows(tape, order=self._order))


@compiled
def _find(state: Array, rows: Array, found: Array) -> int:
    """Let the venue's book take rows, and write the changes of its mid into `found`; returns how many."""
    market = state[0]
    count = 0
    for i in range(rows.shape[0]):
        row = rows[i]
        code = int64(row.code)
        if market.apart != 0:
            apart_row(market, code, row)
        else:
            venue_row(market, code, row)
        if code & LAST_BIT != 0:
            known = market.clock.mid_count
            log_event(market, code, row.exch_ns, row.local_ns)
            if market.clock.mid_count != known:
                change = market.clock.mids[known & (MIDS - 1)]
                found[count].ts_ns = change.ts_ns
                found[count].mid_half = change.mid_half
                count += 1
    return count
