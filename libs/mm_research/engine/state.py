"""State of a run: the market that all parameter sets share, and one record per set."""

from typing import Any

import numpy as np

from mm_core.book.window import FAR, NO_RANK, WIDTH
from mm_core.compiled import int64, new
from mm_core.events.records import MESSAGE
from mm_core.exchange.clock import CLOCK
from mm_core.exchange.venue import INDEX, VENUE
from mm_core.quoting.state import QUOTER
from mm_core.risk.state import RISK
from mm_core.signals.builder import builder_dtype, new_builder
from mm_core.types import NEVER_NS
from mm_store.tape_rows import Kind

# Kinds of a row, those of a tape and two more, in bits 0-2 of its code; bit 3 is the side, bit 4 marks the last row of
# its event, bit 5 a report of the book that is older than another before it, bits 8-9 hold the feed's state in a STATUS
# row. One bit for the side, not more: the compiler then knows that it indexes two elements.
DEPTH = int(Kind.DEPTH)
TRADE = int(Kind.TRADE)
SNAPSHOT = int(Kind.SNAPSHOT)
CLEAR = int(Kind.CLEAR)
STATUS = int(Kind.STATUS)
TOP = int(Kind.TOP)
EPOCH = 6
NOTHING = 7
SIDE_SHIFT = 3
LAST_BIT = 16
OLDER_BIT = 32
# Kinds of rows that are the depth stream's, a bit each.
DEPTH_KINDS = int64((1 << DEPTH) | (1 << SNAPSHOT) | (1 << CLEAR) | (1 << NOTHING))
STATE_SHIFT = 8

# One level or trade of a tape, 32 bytes.
ROW = np.dtype([("exch_ns", "i8"), ("local_ns", "i8"), ("lots", "i8"), ("tick", "i4"), ("code", "i4")])
# One decision as it is recorded: the touch and the account of the first set.
SAMPLE = np.dtype(
    [
        ("local_ns", "i8"),
        ("state", "i8"),
        ("reason", "i8"),
        ("bid_ticks", "i8"),
        ("bid_lots", "i8"),
        ("ask_ticks", "i8"),
        ("ask_lots", "i8"),
        ("volatility_ticks_sqrt_s", "f8"),
        ("position_lots", "i8"),
        ("cash_half", "i8"),
        ("realised_half", "i8"),
        ("spread_half", "i8"),
        ("inventory_half", "i8"),
        ("fees_e9", "i8"),
        ("fills", "i8"),
    ]
)

# How much of the book is visible to our side at a decision.
SHARED = 0  # the log's order: venue and we have seen the same rows (paper trading, live or replayed)
TOUCHES = 1  # the venue is ahead; the touch reaches us with the feed latency, from a history of its changes
TWO_BOOKS = 2  # the venue is ahead; we keep a book of our own

LOG = 1 << 13  # messages and samples that a run can record before they must be drained
SAMPLES = 1 << 12
TOUCH_CHANGES = 1 << 14  # most touch changes in flight at once

TOUCH_CHANGE = np.dtype(
    [("local_ns", "i8"), ("bid_ticks", "i8"), ("bid_lots", "i8"), ("ask_ticks", "i8"), ("ask_lots", "i8")]
)
SET = np.dtype(
    [
        ("done", "i8"),
        ("venue", VENUE),
        ("quoter", QUOTER),
        ("risk", RISK),  # its account is the set's: the accountant's would be equal, from the same fills and books
    ]
)


def market_dtype(sets: int = 1, width: int = WIDTH, far: int = FAR) -> np.dtype[Any]:
    """One run: what all sets share, then the sets. The sizes are part of the type, so each kind is compiled once.

    Everything is in one record: arrays passed between compiled functions would cost reference counts on every row.
    """
    return np.dtype(
        [
            ("visibility", "i8"),
            ("row", "i8"),  # next row of the venue's columns
            ("local_row", "i8"),  # next row of our own columns (TWO_BOOKS)
            ("tick_ns", "i8"),  # next due time of the clock
            ("period_ns", "i8"),
            ("arrival_ns", "i8"),  # next arrival of a request at any set's venue
            ("closing", "i8"),  # the last row is done: one more decision, then the end (SHARED)
            ("last_local_ns", "i8"),
            ("decide_on", "i8"),  # `signals.builder`'s (SHARED)
            ("apart", "i8"),  # 1: the venue's book knows more than ours, which is `local` (SHARED)
            ("bid_ticks", "i8"),  # bid of the current top
            ("bid_lots", "i8"),
            ("clock", CLOCK),
            ("index", INDEX),
            ("touch_head", "i8"),
            ("touch_tail", "i8"),
            ("touches", TOUCH_CHANGE, (TOUCH_CHANGES,)),
            ("record", "i8"),  # 1: write the log and the samples
            ("logged", "i8"),
            ("sampled", "i8"),
            ("log", MESSAGE, (LOG,)),
            ("samples", SAMPLE, (SAMPLES,)),
            ("sets", SET, (sets,)),
            ("builder", builder_dtype(width, far)),  # the venue's book; ours too, but for TWO_BOOKS and `apart`
            ("local", builder_dtype(width, far)),
        ]
    )


def new_market(sets: int = 1, width: int = WIDTH, far: int = FAR) -> np.ndarray[Any, Any]:
    """An empty market before its first row."""
    state = new(market_dtype(sets, width, far))
    state["builder"] = new_builder(width, far)
    state["local"] = state["builder"]
    state["index"]["best"] = NO_RANK
    state["arrival_ns"] = NEVER_NS
    return state
