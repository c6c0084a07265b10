"""The loop: rows until something is due, then what is due, in event time. See COMPILED notes in docs/decisions.md."""

import numpy as np

from mm_core.book.book import best_lots, best_ticks, clear_book, rank_of
from mm_core.compiled import compiled, hot
from mm_core.exchange.market import arrivals, depth_row, trade_row
from mm_core.signals.builder import (
    builder_clear,
    builder_end,
    builder_level,
    builder_publish,
    builder_status,
    builder_tick,
)
from mm_core.signals.touch import flow_lots
from mm_research.engine.serve import decide, deliver, is_pending, take_sample
from mm_research.engine.state import (
    CLEAR,
    EPOCH,
    LAST_BIT,
    SHARED,
    SIDE_SHIFT,
    STATE_SHIFT,
    STATUS,
    TOUCH_CHANGES,
    TOUCHES,
    TRADE,
    TWO_BOOKS,
)

MESSAGES_A_DECISION = 256  # room that the log needs for one decision of one set


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
def _rare_row(builder, code, tick, lots):
    """Clear, status and epoch rows as our side sees them."""
    kind = code & 7
    if kind == CLEAR:
        builder_clear(builder)
    elif kind == STATUS:
        builder_status(builder, (code >> STATE_SHIFT) & 3, builder.epoch, tick, lots)
    elif kind == EPOCH:
        builder.epoch = lots


@compiled
def _see_rows(market, builder, rows, now_ns):
    """Let the rows that have arrived by `now_ns` reach the book of our side."""
    i = market.local_row
    while i < rows.shape[0] and rows[i].local_ns <= now_ns:
        row = rows[i]
        code = np.int64(row.code)
        kind = code & 7
        side = (code >> SIDE_SHIFT) & 1
        if kind & 5 == 0:
            builder_level(builder, side, np.int64(row.tick), row.lots)
        elif kind != TRADE:
            _rare_row(builder, code, np.int64(row.tick), row.lots)
        if builder.touched != 0 and row.code & LAST_BIT != 0:
            builder_end(builder)
        builder.feed_ns = row.local_ns
        i += 1
    market.local_row = i


@hot
def _venue_row(market, row):
    """One row at the venue: the book, our orders that it concerns, and the touch as it leaves for our side."""
    code = np.int64(row.code)
    kind = code & 7
    side = (code >> SIDE_SHIFT) & 1
    tick = np.int64(row.tick)
    ts_ns = row.exch_ns
    market.clock.market_ns = max(market.clock.market_ns, ts_ns)
    if kind & 5 == 0:
        market.clock.depth_ns = max(market.clock.depth_ns, ts_ns)
        if depth_row(market, market.builder.book, side, rank_of(side, tick), row.lots, ts_ns):
            market.builder.touched = 1
            if market.sight == TOUCHES:
                _touch_changed(market, row.local_ns)
    elif kind == TRADE:
        trade_row(market, side, tick, row.lots, ts_ns)
    elif market.sight == SHARED:
        _rare_row(market.builder, code, tick, row.lots)
    elif kind == CLEAR:
        clear_book(market.builder.book)


@compiled
def _serve(market, builder, strategy, now_ns, is_tick):
    """A decision of every set on the book as our side sees it at `now_ns`."""
    if is_tick:
        builder_tick(builder, now_ns)
    else:
        builder_publish(builder, now_ns)
    for s in range(market.sets.shape[0]):
        if market.sets[s].done == 0:
            decide(market, market.sets[s], builder.top, strategy)
    if market.record != 0:
        take_sample(market, builder.top, market.sets[0].account)


@compiled
def _finish(market, rows_left, now_ns):
    """True if nothing is due after `now_ns`: then every set is done and its queues are empty."""
    open_sets = 0
    for s in range(market.sets.shape[0]):
        part = market.sets[s]
        if part.done == 0 and not (rows_left or is_pending(part, now_ns)):
            deliver(market, part, now_ns)
            part.done = 1
        open_sets += 1 - part.done
    return open_sets == 0


@compiled
def _is_full(market):
    """True if the next decision may not find room in the log or the samples."""
    room = market.log.shape[0] - MESSAGES_A_DECISION * market.sets.shape[0]
    return market.record != 0 and (market.logged > room or market.sampled == market.samples.shape[0])


@compiled
def _rows_until_due(market, strategy, rows, stop):
    """Process rows until a request arrives at a venue before the next one, or the clock is due; return the next row."""
    shared = market.sight == SHARED
    tick_ns = market.tick_ns
    i = market.row
    while i < stop and rows[i].exch_ns <= market.arrival_ns:
        row = rows[i]
        if (row.local_ns >= tick_ns) if shared else (row.exch_ns > tick_ns):
            break
        _venue_row(market, row)
        i += 1
        if shared and market.builder.touched != 0 and row.code & LAST_BIT != 0:
            builder_end(market.builder)
            if market.on_touch != 0:
                market.builder.feed_ns = row.local_ns
                _serve(market, market.builder, strategy, row.local_ns, False)
                if _is_full(market):
                    break
    market.row = i
    return i


@compiled
def _tick(market, strategy, rows, local_rows):
    """The clock is due: what has arrived by then, then a decision. True if nothing is left to come."""
    tick_ns = market.tick_ns
    market.arrival_ns = arrivals(market, market.builder.book, tick_ns)
    if market.sight == SHARED:
        if market.closing != 0:
            return True
        market.builder.feed_ns = rows[max(market.row - 1, 0)].local_ns
        market.closing = market.row == rows.shape[0]
    else:
        rows_left = market.row < rows.shape[0] or local_rows[local_rows.shape[0] - 1].local_ns > tick_ns
        if _finish(market, rows_left, tick_ns):
            return True
    if market.sight == TWO_BOOKS:
        _see_rows(market, market.local, local_rows, tick_ns)
        _serve(market, market.local, strategy, tick_ns, True)
    else:
        if market.sight == TOUCHES:
            _see_touches(market, tick_ns)
        _serve(market, market.builder, strategy, tick_ns, True)
    market.tick_ns = tick_ns + market.period_ns
    return False


@compiled
def run(state, rows, local_rows, strategy, until_row):
    """Run until the data and all queues are done (True), or until `until_row` or a full log (False: call again).

    `state` is an array of one market record. `rows` are in the order of the venue's time, `local_rows` in the order of
    reception; with one order of rows they are the same array.
    """
    market = state[0]
    shared = market.sight == SHARED
    stop = min(until_row, rows.shape[0])
    while not _is_full(market):
        i = _rows_until_due(market, strategy, rows, stop)
        if i < stop and (rows[i].local_ns < market.tick_ns if shared else rows[i].exch_ns <= market.tick_ns):
            if rows[i].exch_ns > market.arrival_ns:
                market.arrival_ns = arrivals(market, market.builder.book, rows[i].exch_ns - 1)
            continue
        if i == stop and stop < rows.shape[0]:
            return False
        if _tick(market, strategy, rows, local_rows):
            return True
    return False
