"""The loop: rows until something is due, then what is due, in event time. What made it fast: docs/decisions.md."""

import numpy as np

from mm_core.book.book import best_lots, best_ticks, rank_of
from mm_core.book.window import ASK, BID
from mm_core.compiled import Array, Record, Strategy, compiled, hot, in_bounds, int64
from mm_core.exchange.clock import lag_at
from mm_core.exchange.market import arrivals, depth_row, end_event, trade_row
from mm_core.signals.builder import builder_end, builder_level, builder_publish, builder_tick
from mm_core.signals.touch import added_flow, flow_lots
from mm_core.types import INT64_MAX
from mm_research.engine.apart import apart_row, log_event, our_side, rare_row
from mm_research.engine.prefetch import ROWS_AHEAD, prefetch
from mm_research.engine.serve import decide, deliver, is_pending, take_sample
from mm_research.engine.settle import is_full, settle
from mm_research.engine.silence import skip_silence
from mm_research.engine.state import DEPTH_KINDS, LAST_BIT, SHARED, SIDE_SHIFT, TOUCH_CHANGES, TOUCHES, TRADE, TWO_BOOKS


@hot
def _remember_touch(market: Record, local_ns: int) -> None:
    """Put the touch into the history of its changes; what is received at one time counts as one change."""
    book = market.builder.book
    tail = market.touch_tail
    if tail > market.touch_head and market.touches[(tail - 1) & (TOUCH_CHANGES - 1)].local_ns == local_ns:
        tail -= 1
    elif tail - market.touch_head >= TOUCH_CHANGES:
        raise OverflowError("more touch changes in flight than the history holds: the feed latency is too long")
    change = market.touches[tail & (TOUCH_CHANGES - 1)]
    change.local_ns = local_ns
    change.bid_ticks = best_ticks(book, BID)
    change.bid_lots = best_lots(book, BID)
    change.ask_ticks = best_ticks(book, ASK)
    change.ask_lots = best_lots(book, ASK)
    market.touch_tail = tail + 1


@compiled
def _receive_touches(market: Record, now_ns: int) -> None:
    """Let the touch changes that have arrived by `now_ns` reach our side."""
    builder = market.builder
    while market.touch_head < market.touch_tail:
        change = market.touches[market.touch_head & (TOUCH_CHANGES - 1)]
        if change.local_ns > now_ns:
            break
        market.touch_head += 1
        if builder.flow.window_ticks != 0:
            flow = flow_lots(builder.touch, change.bid_ticks, change.bid_lots, change.ask_ticks, change.ask_lots)
            builder.flow.current_lots = added_flow(builder.flow.current_lots, flow)
        builder.touch.bid_ticks = change.bid_ticks
        builder.touch.bid_lots = change.bid_lots
        builder.touch.ask_ticks = change.ask_ticks
        builder.touch.ask_lots = change.ask_lots
        builder.feed_ns = change.local_ns


@compiled
def _receive_rows(market: Record, builder: Record, rows: Array, now_ns: int) -> None:
    """Let the rows that have arrived by `now_ns` reach the book of our side."""
    i = market.local_row
    while i < rows.shape[0]:
        row = rows[np.uint64(i)]
        if row.local_ns > now_ns:
            break
        prefetch(rows, i + ROWS_AHEAD)
        i += 1
        code = int64(row.code)
        if code & 5 == 0:
            builder_level(builder, (code >> SIDE_SHIFT) & 1, int64(row.tick), row.lots)
        elif code & 7 != TRADE:
            rare_row(builder, code, int64(row.tick), row.lots)
        if (DEPTH_KINDS >> (code & 7)) & 1 != 0:
            builder.feed_ns = row.local_ns
        if code & LAST_BIT != 0 and builder.touched != 0:
            builder_end(builder)
    market.local_row = i


@hot
def venue_row(market: Record, code: int, row: Record) -> None:
    """One row at the venue and, where the book is shared, on our side."""
    side = (code >> SIDE_SHIFT) & 1
    if code & 5 == 0:
        rank = rank_of(side, int64(row.tick))
        if depth_row(market, market.builder.book, side, rank, row.lots, row.exch_ns):
            market.builder.touched = 1
    elif code & 7 == TRADE:
        trade_row(market, side, int64(row.tick), row.lots, row.exch_ns)
    else:
        rare_row(market.builder, code, int64(row.tick), row.lots)


@hot
def _decide_all(market: Record, builder: Record, strategy: Strategy) -> None:
    """A decision of every set on the book that our side has just published."""
    for s in range(market.sets.shape[0]):
        if market.sets[s].done == 0:
            decide(market, market.sets[s], builder.top, strategy)
    if market.record != 0:
        take_sample(market, builder.top, market.sets[0].risk.account)


@compiled
def _finish(market: Record, now_ns: int) -> bool:
    """All rows are done: True if nothing else is due after `now_ns`; then every set is done, its queues are empty."""
    open_sets = 0
    for s in range(market.sets.shape[0]):
        part = market.sets[s]
        if part.done == 0 and not is_pending(part, now_ns):
            deliver(market, part, now_ns)
            part.done = 1
        open_sets += 1 - part.done
    return open_sets == 0


@compiled
def _log_event_end(market: Record, strategy: Strategy, code: int, row: Record) -> bool:
    """The end of an event in the log's order: what follows it, and a decision on it. True if the log is full."""
    is_touch_new = log_event(market, code, row.exch_ns, row.local_ns)
    is_log_full = settle(market, code, row.local_ns)
    if not is_touch_new:
        return is_log_full
    ours = our_side(market)
    builder_publish(ours, row.local_ns)
    _decide_all(market, ours, strategy)
    return is_full(market)


@hot
def _event_end(market: Record, code: int, row: Record) -> None:
    """The end of an event of a venue that is ahead of us: its clock moves, and its touch is in flight to us."""
    if market.record != 0:
        end_event(market, market.builder.book, row.exch_ns)
    else:
        market.clock.market_ns = max(market.clock.market_ns, row.exch_ns)
    if code & 5 == 0:
        market.clock.depth_ns = max(market.clock.depth_ns, row.exch_ns)
    if market.builder.touched != 0:
        market.builder.touched = 0
        if market.visibility == TOUCHES:
            _remember_touch(market, row.local_ns)


@hot
def _is_over(market: Record, rows_left: bool) -> bool:
    """The clock is due: requests arrive up to it. True if nothing is left to come after it."""
    now_ns = market.tick_ns
    until_ns = now_ns
    if market.visibility == SHARED:
        if market.closing != 0:
            return True
        market.clock.known_ns = now_ns
        market.closing = not rows_left
        until_ns -= lag_at(market.clock.lag, now_ns)
    if market.arrival_ns <= until_ns:
        market.arrival_ns = arrivals(market, market.builder.book, until_ns)
    if market.visibility == SHARED or rows_left or market.last_local_ns > now_ns:
        return False
    return _finish(market, now_ns)


@hot
def _tick(market: Record, strategy: Strategy) -> None:
    """The clock is due: a decision on what we have seen by then."""
    now_ns = market.tick_ns
    if market.visibility == TWO_BOOKS:
        builder_tick(market.local, now_ns)
        _decide_all(market, market.local, strategy)
    else:
        if market.visibility == TOUCHES:
            _receive_touches(market, now_ns)
        ours = our_side(market)
        builder_tick(ours, now_ns)
        _decide_all(market, ours, strategy)
    market.tick_ns = now_ns + market.period_ns


@hot
def _before_row(market: Record, row: Record, shared: bool) -> None:
    """Let the requests arrive that are at a venue before the row is."""
    if shared:
        market.clock.known_ns = row.local_ns
    if row.exch_ns > market.arrival_ns:
        market.arrival_ns = arrivals(market, market.builder.book, row.exch_ns - 1)


@hot
def _row(market: Record, strategy: Strategy, row: Record, shared: bool, apart: bool) -> bool:
    """One row, and the end of its event. True if the inner loop must stop: the log is full."""
    code = int64(row.code)
    if apart:
        apart_row(market, code, row)
    else:
        venue_row(market, code, row)
    if code & LAST_BIT == 0:
        return False
    if shared:
        return _log_event_end(market, strategy, code, row)
    _event_end(market, code, row)
    return False


@in_bounds
def run(state: Array, rows: Array, local_rows: Array, strategy: Strategy, until_row: int) -> bool:  # noqa: C901
    """Run until the data and all queues are done (True), or until `until_row` or a full log (False: call again).

    `state`: one market record. `rows` are in the order of the venue's time, `local_rows` of reception; with one order
    they are the same array. In one piece, because a part that took `rows` would cost reference counts.
    """
    market = state[0]
    shared = market.visibility == SHARED
    apart = shared and market.apart != 0
    stop = min(until_row, rows.shape[0])
    market.last_local_ns = local_rows[local_rows.shape[0] - 1].local_ns
    i = market.row
    while not is_full(market):
        last_ns = INT64_MAX if shared else market.tick_ns
        before_ns = market.tick_ns if shared else INT64_MAX
        stopped = False
        while i < stop and not stopped:
            row = rows[np.uint64(i)]  # unsigned: no code for negative indices
            if row.exch_ns > last_ns or row.local_ns >= before_ns:
                break
            prefetch(rows, i + ROWS_AHEAD)
            _before_row(market, row, shared)
            i += 1
            stopped = _row(market, strategy, row, shared, apart)
        market.row = i
        if stopped:
            continue
        if i == stop and stop < rows.shape[0]:
            return False
        if _is_over(market, i < rows.shape[0]):
            return True
        if market.visibility == TWO_BOOKS:
            _receive_rows(market, market.local, local_rows, market.tick_ns)
        _tick(market, strategy)
        if shared:
            skip_silence(market, rows, i)
    return False
