"""What a day begins with: the book and the feed's state at the end of the day before, so that it can be read alone."""

import numpy as np

from mm_store.tape_rows import COLUMNS, Column, Kind, Tape

_BOOK_KINDS = (Kind.DEPTH, Kind.SNAPSHOT, Kind.CLEAR)


def opening(tape: Tape) -> Tape:
    """The rows that lead to the state behind the last row: the book as a snapshot at its last update id, and a status.

    They carry the times of the last depth, so that the book is as old as it is. No book without a snapshot, no rows
    without a status.
    """
    statuses = np.flatnonzero(tape.kind == Kind.STATUS)
    if not len(statuses):
        return tape.part(slice(0, 0))
    status = statuses[-1:]
    book = _book_rows(tape)
    rows = _taken(tape, np.concatenate([book, status]))
    if len(book):
        last = _last_of_book(tape)
        rows["exch_ns"][:], rows["recv_ns"][:] = tape.exch_ns[last], tape.recv_ns[last]
        rows["id"][:-1] = tape.id[last]
        rows["kind"][:-1] = Kind.SNAPSHOT
        rows["kind"][0], rows["side"][0], rows["tick"][0], rows["lots"][0] = Kind.CLEAR, 0, 0, 0
        rows["last"][:] = False
        rows["last"][-2:] = True
    return Tape(instrument=tape.instrument, **rows)


def follows(before: Tape, after: Tape, opening_rows: int) -> bool:
    """Whether a part continues where the one before it ends: its opening has nothing new."""
    first, expected = after.part(slice(0, opening_rows)), opening(before)
    return all(np.array_equal(getattr(first, name), getattr(expected, name)) for name in COLUMNS)


def _taken(tape: Tape, rows: Column) -> dict[str, Column]:
    return {name: getattr(tape, name)[rows] for name in COLUMNS}


def _last_of_book(tape: Tape) -> int:
    return int(np.flatnonzero(np.isin(tape.kind, _BOOK_KINDS))[-1])


def _book_rows(tape: Tape) -> Column:
    """A row for the snapshot itself, then the rows that hold the lots of each level: bids, then asks, best first."""
    clears = np.flatnonzero(tape.kind == Kind.CLEAR)
    if not len(clears):
        return clears
    is_level = np.isin(tape.kind, (Kind.DEPTH, Kind.SNAPSHOT)) & (tape.tick > 0)
    levels = np.flatnonzero(is_level)
    levels = levels[levels > clears[-1]]
    rank = np.where(tape.side[levels] == 0, -tape.tick[levels].astype(np.int64), tape.tick[levels])
    by_level = np.lexsort((-levels, rank, tape.side[levels]))
    ordered = levels[by_level]
    is_newest = np.ones(len(ordered), np.bool_)
    same_tick = tape.tick[ordered][1:] == tape.tick[ordered][:-1]
    is_newest[1:] = ~(same_tick & (tape.side[ordered][1:] == tape.side[ordered][:-1]))
    newest = ordered[is_newest]
    return np.concatenate([clears[-1:], newest[tape.lots[newest] > 0]])
