"""The loop: rows until something is due, then what is due, in event time. See COMPILED notes in docs/decisions.md."""

import numpy as np

from mm_core.book.book import best_lots, best_ticks, clear_book, rank_of, set_level
from mm_core.compiled import compiled, hot
from mm_core.exchange.matching import on_best, on_depth, on_trade
from mm_core.exchange.venue import MARKS
from mm_core.signals.builder import (
    builder_clear,
    builder_end,
    builder_level,
    builder_publish,
    builder_status,
    builder_tick,
)
from mm_core.signals.touch import flow_lots
from mm_research.engine.serve import arrivals, decide, deliver, is_pending, take_sample
from mm_research.engine.state import (
    CLEAR,
    EPOCH,
    LAST_BIT,
    SHARED,
    SIDE_SHIFT,
    STATUS,
    TOUCH_CHANGES,
    TOUCHES,
    TRADE,
    TWO_BOOKS,
)

MESSAGES_A_TICK = 256  # room that the log needs for one decision of one set


@compiled
def _depth_reaches(market, sets, side, rank, previous_lots, lots):
    marks = market.index.marks[side, rank & (MARKS - 1)]
    for s in range(sets.shape[0]):
        if (marks >> s) & 1 != 0:
            on_depth(sets[s].venue, side, rank, previous_lots, lots)


@compiled
def _best_reaches(market, sets, side, ts_ns):
    mine = 1 - side
    reached = -market.builder.book.best[side]
    for s in range(sets.shape[0]):
        if sets[s].venue.best[mine] >= reached:
            on_best(sets[s].venue, market.index, s, market.builder.book, side, ts_ns)
    _tighten(market, sets, mine)


@compiled
def _trade_reaches(market, sets, taker, price_ticks, lots, ts_ns):
    mine = 1 - taker
    late = ts_ns < market.clock.depth_ns
    rank = rank_of(mine, price_ticks)
    for s in range(sets.shape[0]):
        if sets[s].venue.best[mine] >= rank:
            on_trade(sets[s].venue, market.index, s, taker, price_ticks, lots, ts_ns, late)
    _tighten(market, sets, mine)


@compiled
def _tighten(market, sets, side):
    """Find the best own rank of a side again, over all sets."""
    best = sets[0].venue.best[side]
    for s in range(1, sets.shape[0]):
        best = max(best, sets[s].venue.best[side])
    market.index.best[side] = best


@compiled
def _touch_changed(market, local_ns):
    """Put the touch into the history of its changes; rows received at one time count as one change."""
    book = market.builder.book
    tail = market.touch_tail
    if tail > market.touch_head and market.touches[(tail - 1) & (TOUCH_CHANGES - 1)].local_ns == local_ns:
        tail -= 1
    elif tail - market.touch_head >= TOUCH_CHANGES:
        raise OverflowError("more touch changes on their way than the history holds: the feed latency is too long")
    change = market.touches[tail & (TOUCH_CHANGES - 1)]
    change.local_ns = local_ns
    change.bid_ticks = best_ticks(book, 0)
    change.bid_lots = best_lots(book, 0)
    change.ask_ticks = best_ticks(book, 1)
    change.ask_lots = best_lots(book, 1)
    market.touch_tail = tail + 1


@compiled
def _see_touches(market, now_ns):
    """Let the touch changes that have arrived by `now_ns` reach our side."""
    builder = market.builder
    while market.touch_head < market.touch_tail:
        change = market.touches[market.touch_head & (TOUCH_CHANGES - 1)]
        if change.local_ns > now_ns:
            break
        market.touch_head += 1
        builder.flow.current_lots += flow_lots(
            builder.touch, change.bid_ticks, change.bid_lots, change.ask_ticks, change.ask_lots
        )
        builder.touch.bid_ticks = change.bid_ticks
        builder.touch.bid_lots = change.bid_lots
        builder.touch.ask_ticks = change.ask_ticks
        builder.touch.ask_lots = change.ask_lots
        builder.feed_ns = change.local_ns


@compiled
def _rare_row(builder, kind, state, tick, lots):
    """Clear, status and epoch rows as our side sees them."""
    if kind == CLEAR:
        builder_clear(builder)
    elif kind == STATUS:
        builder_status(builder, state, builder.epoch, tick, lots)
    elif kind == EPOCH:
        builder.epoch = lots


@compiled
def _see_rows(market, builder, rows, now_ns):
    """Let the rows that have arrived by `now_ns` reach the book of our side."""
    i = market.local_row
    while i < rows.shape[0] and rows[i].local_ns <= now_ns:
        row = rows[i]
        kind = row.code & 7
        side = (row.code >> SIDE_SHIFT) & 3
        if kind & 5 == 0:
            builder_level(builder, side, np.int64(row.tick), row.lots)
        elif kind != TRADE:
            _rare_row(builder, kind, side, row.tick, row.lots)
        if builder.touched != 0 and row.code & LAST_BIT != 0:
            builder_end(builder)
        builder.feed_ns = row.local_ns
        i += 1
    market.local_row = i


@hot
def _venue_row(market, sets, row):
    """One row at the venue: the book, our orders that it concerns, and the touch as it leaves for our side."""
    kind = row.code & 7
    side = (row.code >> SIDE_SHIFT) & 3
    tick = np.int64(row.tick)
    ts_ns = row.exch_ns
    builder = market.builder
    if kind & 5 == 0:
        book = builder.book
        rank = rank_of(side, tick)
        best = book.best[side]
        previous = set_level(book, side, rank, row.lots)
        if market.index.marks[side, rank & (MARKS - 1)] != 0:
            _depth_reaches(market, sets, side, rank, previous, row.lots)
        market.clock.depth_ns = max(market.clock.depth_ns, ts_ns)
        if rank >= best:
            if book.best[side] > best and market.index.best[1 - side] >= -book.best[side]:
                _best_reaches(market, sets, side, ts_ns)
            builder.touched = 1
            if market.sight == TOUCHES:
                _touch_changed(market, row.local_ns)
    elif kind == TRADE:
        if market.index.best[1 - side] >= rank_of(1 - side, tick):
            _trade_reaches(market, sets, side, tick, row.lots, ts_ns)
    elif market.sight == SHARED:
        _rare_row(builder, kind, side, tick, row.lots)
    elif kind == CLEAR:
        clear_book(builder.book)


@compiled
def _serve(market, sets, log, samples, local, local_rows, strategy, now_ns, is_tick):
    """A decision of every set on the book as our side sees it at `now_ns`."""
    builder = market.builder
    if market.sight == TOUCHES:
        _see_touches(market, now_ns)
    elif market.sight == TWO_BOOKS:
        builder = local[0].builder
        _see_rows(market, builder, local_rows, now_ns)
    if is_tick:
        builder_tick(builder, now_ns)
    else:
        builder_publish(builder, now_ns)
    for s in range(sets.shape[0]):
        if sets[s].done == 0:
            decide(market, sets[s], log, builder.top, strategy)
    if samples.shape[0] > 0:
        take_sample(market, samples, builder.top, sets[0].account)


@compiled
def _finish(market, sets, log, rows_left, now_ns):
    """True if nothing is due after `now_ns`: then every set is done and its queues are empty."""
    open_sets = 0
    for s in range(sets.shape[0]):
        part = sets[s]
        if part.done == 0 and not (rows_left or is_pending(part, now_ns)):
            deliver(market, part, log, now_ns)
            part.done = 1
        open_sets += 1 - part.done
    return open_sets == 0


@compiled
def run(market_state, sets, rows, local_rows, local, log, samples, strategy, until_row):
    """Run until the data and all queues are done (True), or until `until_row` or a full log (False: call again).

    `rows` are in the order of the venue's time, `local_rows` in the order of reception; with one order of rows they
    are the same array. `local` is the market record that holds our own book (TWO_BOOKS), else the same as the first.
    """
    market = market_state[0]
    shared = market.sight == SHARED
    stop = min(until_row, rows.shape[0])
    i = market.row
    while True:
        tick_ns = market.tick_ns
        arrival_ns = market.arrival_ns
        while i < stop and rows[i].exch_ns <= arrival_ns:
            row = rows[i]
            if (row.local_ns >= tick_ns) if shared else (row.exch_ns > tick_ns):
                break
            _venue_row(market, sets, row)
            market.clock.market_ns = max(market.clock.market_ns, row.exch_ns)
            i += 1
            if shared and market.builder.touched != 0 and row.code & LAST_BIT != 0:
                builder_end(market.builder)
                if market.on_touch != 0:
                    market.builder.feed_ns = row.local_ns
                    _serve(market, sets, log, samples, local, local_rows, strategy, row.local_ns, False)
                    break
        market.row = i
        if i < stop and (rows[i].local_ns < tick_ns if shared else rows[i].exch_ns <= tick_ns):
            if rows[i].exch_ns > market.arrival_ns:
                arrivals(market, sets, rows[i].exch_ns - 1)
            continue
        if i == stop and stop < rows.shape[0]:
            return False
        if log.shape[0] > 0 and market.logged + MESSAGES_A_TICK * sets.shape[0] > log.shape[0]:
            return False
        arrivals(market, sets, tick_ns)
        if i > 0:
            market.builder.feed_ns = rows[i - 1].local_ns
        if shared and market.closing != 0:
            return True
        if not shared and _finish(market, sets, log, local_left(market, rows, local_rows, tick_ns), tick_ns):
            return True
        _serve(market, sets, log, samples, local, local_rows, strategy, tick_ns, True)
        market.tick_ns = tick_ns + market.period_ns
        if i == rows.shape[0]:
            market.closing = 1


@compiled
def local_left(market, rows, local_rows, now_ns):
    """True if a row is still to be seen, by the venue or by us, after `now_ns`."""
    return market.row < rows.shape[0] or local_rows[local_rows.shape[0] - 1].local_ns > now_ns
