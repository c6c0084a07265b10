"""From initial records to the engine's market record, and the one way to run it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mm_core.setup.core import BOOK_FAR, BOOK_WIDTH, Core
from mm_core.signals.builder import DECIDE_ON_TOP
from mm_core.types import BookState, InputError
from mm_research.columns import Rows
from mm_research.engine.loop import run
from mm_research.engine.state import STATUS, TOP, new_market
from mm_store.tape import Tape

Market = np.ndarray[Any, Any]
_WARM_ROWS = 64


def market_of(sets: Sequence[Core], visibility: int, first_tick_ns: int) -> Market:
    """A market before its first row, in which each of `sets` runs; what they share comes from the first."""
    shared = sets[0]
    market: Market = new_market(len(sets), BOOK_WIDTH, BOOK_FAR)
    market["visibility"] = visibility
    market["decide_on"] = shared.decide_on
    market["clock"]["uses_top"] = shared.uses_top
    market["period_ns"] = shared.period_ns
    market["tick_ns"] = first_tick_ns
    market["builder"] = shared.builder
    market["local"] = shared.builder
    for i, core in enumerate(sets):
        for name in ("venue", "quoter", "risk"):
            market["sets"][name][0, i] = getattr(core, name)[0]
    return market


def set_apart(market: Market, rows: Rows) -> None:
    """Keep two books where the rows hold the venue's own tops, and the venue or our side takes them."""
    takes_tops = bool(market["clock"]["uses_top"][0]) or int(market["decide_on"][0]) == DECIDE_ON_TOP
    market["apart"] = takes_tops and bool(np.any(rows["code"] & 7 == TOP))


def check_proven(tape: Tape) -> None:
    """InputError for a tape whose feed never proved a book: nothing would be quoted on it."""
    if np.any((tape.kind == STATUS) & (tape.side == BookState.VALID)):
        return
    counts = tape.counts()
    raise InputError(
        f"{tape.instrument.instrument_id}: no book of this tape was ever proven: {counts['depth']:,} depth events, "
        f"{counts['snapshot']:,} snapshots, {counts['status']:,} feed statuses; expected one that is VALID (a later "
        "day of an old import has none: import it again)"
    )


def trust_feed(market: Market, rows: Rows) -> None:
    """Take the book of neutral rows as VALID from the start where they hold no feed status."""
    if not np.any(rows["code"] & 7 == STATUS):
        for name in ("builder", "local"):
            market[name]["feed_state"] = BookState.VALID
            market[name]["trusted"] = 1


def load_compiled(market: Market, rows: Rows, core: Core) -> None:
    """Compile the engine for this kind of market and strategy, or load it: run a few rows on a copy."""
    run(market.copy(), rows[:_WARM_ROWS], rows[:_WARM_ROWS], core.strategy, _WARM_ROWS)
