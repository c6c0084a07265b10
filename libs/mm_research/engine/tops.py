"""The venue's own tops in a log's rows: their exchange time, and which reports of the book are older than another."""

import numpy as np

from mm_core.book.ids import IDS, take_depth, take_epoch, take_top
from mm_core.compiled import Array, Record, compiled, new
from mm_core.exchange.clock import LAG, take_dated, top_ns
from mm_research.engine.state import CLEAR, DEPTH, EPOCH, LAST_BIT, NOTHING, OLDER_BIT, SNAPSHOT, TOP, TRADE

ORDER = np.dtype([("ids", IDS), ("lag", LAG)])


def new_order() -> Array:
    """What is known of the order of reports before the first row."""
    return new(ORDER)


def order_tops(rows: Array, ids: Array, known: Array) -> None:
    """Set the exchange time of tops and the bit of what is older, as the nodes find them; `ids` are the tape's.

    `known` is an array of one ORDER, brought up to date: the rows of a log may come in parts of whole events.
    """
    _order(rows, ids, known)


@compiled
def _order(rows: Array, ids: Array, order: Array) -> None:
    known = order[0]
    is_first = True
    is_older = False
    at_ns = 0
    for i in range(rows.shape[0]):
        row = rows[i]
        kind = row.code & 7
        if is_first or kind == EPOCH:
            is_older = _take(known.ids, known.lag, kind, row, ids[i])
            at_ns = top_ns(known.lag, row.exch_ns, row.local_ns) if kind == TOP else row.exch_ns
        row.exch_ns = at_ns
        if is_older:
            row.code |= OLDER_BIT
        is_first = row.code & LAST_BIT != 0


@compiled
def _take(known: Record, lag: Record, kind: int, row: Record, row_id: int) -> bool:
    """An event begins; True if it is a report of the book that is older than another before it."""
    if kind in (DEPTH, NOTHING, TRADE):
        take_dated(lag, row.exch_ns, row.local_ns)
    if kind == EPOCH:
        take_epoch(known, row_id)
    elif kind == TOP:
        return not take_top(known, row_id)
    elif kind in (DEPTH, NOTHING, CLEAR, SNAPSHOT):
        return take_depth(known, row_id)
    return False
