"""Rows in the log's order, where the venue's book may be finer than ours: it takes its own top and prints as well."""

from mm_core.book.book import clear_book, rank_of
from mm_core.book.window import ASK, BID
from mm_core.compiled import Record, compiled, hot, int64
from mm_core.exchange.clock import take_dated
from mm_core.exchange.market import (
    depth_row,
    end_depth,
    end_event,
    note_top,
    older_depth_row,
    put_print,
    put_top,
    trade_row,
)
from mm_core.signals.builder import (
    DECIDE_ON_TICK,
    DECIDE_ON_TOP,
    builder_clear,
    builder_clear_side,
    builder_depth_end,
    builder_epoch,
    builder_level,
    builder_status,
    builder_top,
)
from mm_research.engine.state import (
    CLEAR,
    DEPTH,
    DEPTH_KINDS,
    EPOCH,
    NOTHING,
    OLDER_BIT,
    SIDE_SHIFT,
    SNAPSHOT,
    STATE_SHIFT,
    STATUS,
    TOP,
    TRADE,
)

_DATED = int64((1 << DEPTH) | (1 << NOTHING) | (1 << TRADE))


@hot
def our_side(market: Record) -> Record:
    """The book as we see it."""
    return market.local if market.apart != 0 else market.builder


@compiled
def rare_row(builder: Record, code: int, tick: int, lots: int) -> None:
    """Clear, status and epoch rows; a clear names its sides in the bits of `lots` (0: the whole book)."""
    kind = code & 7
    if kind == CLEAR and lots == 0:
        builder_clear(builder)
    elif kind == CLEAR:
        for side in range(2):
            if (lots >> side) & 1 != 0:
                builder_clear_side(builder, side, tick)
    elif kind == STATUS:
        builder_status(builder, (code >> STATE_SHIFT) & 3, builder.epoch, tick, lots)
    elif kind == EPOCH:
        builder_epoch(builder, lots)


@compiled
def apart_row(market: Record, code: int, row: Record) -> None:
    """One row at the venue, and on our side."""
    side = (code >> SIDE_SHIFT) & 1
    kind = code & 7
    book = market.builder.book
    if code & 5 == 0:
        rank = rank_of(side, int64(row.tick))
        if code & OLDER_BIT != 0 and market.clock.uses_top != 0:
            older_depth_row(market, book, side, rank, row.lots, row.exch_ns)
        else:
            depth_row(market, book, side, rank, row.lots, row.exch_ns)
        builder_level(market.local, side, int64(row.tick), row.lots)
    elif kind == TRADE:
        trade_row(market, side, int64(row.tick), row.lots, row.exch_ns)
        put_print(market, book, side, int64(row.tick), row.exch_ns)
    elif kind != TOP:
        if kind == CLEAR:
            clear_book(book)
        rare_row(market.local, code, int64(row.tick), row.lots)
    elif side == BID:
        market.bid_ticks = int64(row.tick)
        market.bid_lots = row.lots
    elif code & OLDER_BIT == 0:
        _top(market, int64(row.tick), row.lots, row.exch_ns)


@compiled
def _top(market: Record, ask_ticks: int, ask_lots: int, ts_ns: int) -> None:
    """The venue's own top: its ask, and the bid that came before."""
    if market.clock.uses_top != 0:
        note_top(market.clock, BID, market.bid_ticks, market.bid_lots)
        note_top(market.clock, ASK, ask_ticks, ask_lots)
        put_top(market, market.builder.book, ts_ns)
    if market.decide_on == DECIDE_ON_TOP:
        builder_top(market.local, market.bid_ticks, market.bid_lots, ask_ticks, ask_lots)


@compiled
def log_event(market: Record, code: int, ts_ns: int, local_ns: int) -> bool:
    """The end of an event in the log's order. True if the touch is new and configured to trigger a decision."""
    clock = market.clock
    kind = code & 7
    is_older = code & OLDER_BIT != 0
    if (_DATED >> kind) & 1 != 0:
        take_dated(clock.lag, ts_ns, local_ns)
    is_of_depth = (DEPTH_KINDS >> kind) & 1 != 0
    if is_of_depth:
        is_behind = is_older and clock.uses_top != 0
        is_snapshot = kind in (SNAPSHOT, CLEAR)
        end_depth(market, market.builder.book, our_side(market).book, code & 5 == 0, is_snapshot, is_behind, ts_ns)
    end_event(market, market.builder.book, ts_ns)
    if is_of_depth:
        is_changed = builder_depth_end(our_side(market), is_older)
        return is_changed and market.decide_on != DECIDE_ON_TICK
    return kind == TOP and not is_older and market.decide_on == DECIDE_ON_TOP
