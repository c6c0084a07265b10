"""The book builder: market data in, the book with its proof and its signals out.

It copies what the feed proves and may only downgrade it: a depth stream that is silent makes the book STALE, whatever
else the venue publishes; a crossed book is a GAP until the feed proves another one, and so is a touch that lies outside
of what is known to be complete. The reason comes with the state.

Where decisions are configured on the venue's own top, that is the touch as long as it is newer than the depth's; the
levels of the book are those of the depth.
"""

import math
from typing import Any

import numpy as np

from mm_core.book.book import best_lots, best_ticks, clear_book, clear_to, is_crossed, rank_of, set_level
from mm_core.book.window import ASK, BID, FAR, NO_RANK, WIDTH, book_dtype, is_cut
from mm_core.compiled import Array, Record, compiled, hot, new
from mm_core.signals.executable import EXECUTABLE, SIZES, executable
from mm_core.signals.flow import FLOW, flow_bucket
from mm_core.signals.micro import MICRO, micro_price
from mm_core.signals.touch import added_flow, flow_lots, weighted_mid_ticks
from mm_core.signals.volatility import (
    VOLATILITY,
    volatility_reseed,
    volatility_sample,
    volatility_ticks_sqrt_s,
)
from mm_core.types import NS_PER_S, BookReason, BookState

SYNCING = int(BookState.SYNCING)
VALID = int(BookState.VALID)
STALE = int(BookState.STALE)
GAP = int(BookState.GAP)
NO_REASON = int(BookReason.NONE)
SILENT = int(BookReason.SILENT)
CROSSED = int(BookReason.CROSSED)
WINDOW = int(BookReason.WINDOW)
DECIDE_ON_TICK = 0  # a Book at every Tick only,
DECIDE_ON_TOUCH = 1  # and at every change of the depth's touch,
DECIDE_ON_TOP = 2  # and at every change of the venue's own top

# What the strategies, risk and the account see of the book: the numbers of a Book event.
TOP = np.dtype(
    [
        ("local_ns", "i8"),
        ("state", "i8"),
        ("epoch", "i8"),
        ("bid_ticks", "i8"),
        ("bid_lots", "i8"),
        ("ask_ticks", "i8"),
        ("ask_lots", "i8"),
        ("weighted_mid_ticks", "f8"),
        ("volatility_ticks_sqrt_s", "f8"),
        ("micro_stdev_ticks", "f8"),
        ("micro_min_ticks", "f8"),
        ("micro_max_ticks", "f8"),
        ("ofi_lots", "i8"),
        ("reason", "i8"),  # why the state is worse than the feed's: BookReason
    ]
)
TOUCH = np.dtype([("bid_ticks", "i8"), ("bid_lots", "i8"), ("ask_ticks", "i8"), ("ask_lots", "i8")])


def builder_dtype(width: int = WIDTH, far: int = FAR) -> np.dtype[Any]:
    """State of a book builder over a book of this size."""
    return np.dtype(
        [
            ("feed_state", "i8"),
            ("epoch", "i8"),
            ("complete_low_ticks", "i8"),
            ("complete_high_ticks", "i8"),  # 0: no bounds are known
            ("feed_ns", "i8"),  # local time of the last event of the depth stream
            ("stale_ns", "i8"),  # silence of the depth stream after which the book is STALE
            ("reason", "i8"),  # of a GAP that is not the feed's
            ("trusted", "i8"),  # 1: no status comes with this feed, so that a GAP would never end
            ("crossed", "i8"),  # deltas that left the book crossed
            ("reseed", "i8"),  # levels were dropped: the next change of the touch is no flow
            ("touched", "i8"),  # the touch may have changed since the last event's end
            ("ahead", "i8"),  # 1: the touch is the venue's own top, newer than the book
            ("top", TOP),
            ("touch", TOUCH),
            ("volatility", VOLATILITY),
            ("flow", FLOW),
            ("micro", MICRO),
            ("executable", EXECUTABLE),
            ("book", book_dtype(width, far)),
        ]
    )


def new_builder(width: int = WIDTH, far: int = FAR) -> np.ndarray[Any, Any]:
    """A builder of an empty, SYNCING book with a 1 s volatility grid, 30 s half-life and 60 s of silence allowed."""
    state = new(builder_dtype(width, far))
    state["stale_ns"] = 60 * NS_PER_S
    state["volatility"]["sample_ns"] = NS_PER_S
    state["volatility"]["half_life_s"] = 30.0
    state["flow"]["window_ticks"] = 100
    state["micro"]["enabled"] = 1
    state["executable"]["spread_bps"] = math.nan
    clear_builder(state)
    return state


@compiled
def clear_builder(state: Array) -> None:
    """Empty the book of a new state."""
    clear_book(state[0].book)


@compiled
def builder_status(builder: Record, state: int, epoch: int, low_ticks: int, high_ticks: int) -> None:
    """The feed's state from here on."""
    builder.feed_state = state
    builder_epoch(builder, epoch)
    builder.reason = NO_REASON
    builder.complete_low_ticks = low_ticks
    builder.complete_high_ticks = high_ticks
    if state in (GAP, SYNCING):  # a STALE book has no hole: what changes across it is a change
        volatility_reseed(builder.volatility)


@compiled
def builder_epoch(builder: Record, epoch: int) -> None:
    """What the feed proves is of this epoch; a top of the one before is no touch any more."""
    if epoch != builder.epoch:
        builder.ahead = 0
    builder.epoch = epoch


@compiled
def builder_clear(builder: Record) -> None:
    """A snapshot follows: drop the levels."""
    clear_book(builder.book)
    builder.reseed = 1
    builder.touched = 1


@compiled
def builder_clear_side(builder: Record, side: int, price_ticks: int) -> None:
    """Drop the levels of a side from the best to a price, included; price 0 is no bound."""
    rank = NO_RANK + 1 if price_ticks == 0 else rank_of(side, price_ticks)
    clear_to(builder.book, side, rank)
    builder.touched = 1


@hot
def builder_level(builder: Record, side: int, price_ticks: int, lots: int) -> int:
    """Set one level of the current event."""
    book = builder.book
    rank = rank_of(side, price_ticks)
    best_rank = book.best[side]
    previous = set_level(book, side, rank, lots)
    if rank >= best_rank:
        builder.touched = 1
    return previous


@compiled
def builder_end(builder: Record) -> None:
    """End of an event that touched the best levels: flow over the complete event, never between its rows."""
    book = builder.book
    builder.touched = 0
    if is_crossed(book):
        builder.crossed += 1
        if builder.trusted == 0:
            builder.feed_state = GAP
            builder.reason = CROSSED
        builder.touch.bid_lots = 0  # seed flow and volatility anew: what changes across a hole is no signal
        builder.touch.ask_lots = 0
        volatility_reseed(builder.volatility)
    if builder.ahead == 0:
        _move_touch(builder, best_ticks(book, BID), best_lots(book, BID), best_ticks(book, ASK), best_lots(book, ASK))


@hot
def _move_touch(builder: Record, bid_ticks: int, bid_lots: int, ask_ticks: int, ask_lots: int) -> None:
    if builder.reseed == 0:
        flow = flow_lots(builder.touch, bid_ticks, bid_lots, ask_ticks, ask_lots)
        builder.flow.current_lots = added_flow(builder.flow.current_lots, flow)
    builder.reseed = 0
    builder.touch.bid_ticks = bid_ticks
    builder.touch.bid_lots = bid_lots
    builder.touch.ask_ticks = ask_ticks
    builder.touch.ask_lots = ask_lots


@compiled
def builder_depth_end(builder: Record, is_behind: bool) -> bool:
    """End of a depth event, older than the last top or not. True if the touch may have changed."""
    was_ahead = builder.ahead
    if not is_behind:
        builder.ahead = 0
    if builder.touched == 0 and builder.ahead == was_ahead:
        return False
    builder_end(builder)
    return True


@compiled
def builder_top(builder: Record, bid_ticks: int, bid_lots: int, ask_ticks: int, ask_lots: int) -> None:
    """The venue's own top, newer than all depth so far."""
    builder.ahead = 1
    _move_touch(builder, bid_ticks, bid_lots, ask_ticks, ask_lots)


@hot
def builder_publish(builder: Record, now_ns: int) -> None:
    """Write touch and state of a Book event at `now_ns`; signals keep their last values."""
    top = builder.top
    top.local_ns = now_ns
    top.epoch = builder.epoch
    top.state = builder.feed_state
    top.reason = builder.reason
    if top.state == VALID:
        _downgrade(builder, now_ns)
    top.bid_ticks = builder.touch.bid_ticks
    top.bid_lots = builder.touch.bid_lots
    top.ask_ticks = builder.touch.ask_ticks
    top.ask_lots = builder.touch.ask_lots
    top.weighted_mid_ticks = math.nan
    if top.bid_lots > 0 and top.ask_lots > 0:
        top.weighted_mid_ticks = weighted_mid_ticks(top.bid_ticks, top.bid_lots, top.ask_ticks, top.ask_lots)


@hot
def _downgrade(builder: Record, now_ns: int) -> None:
    """What the feed does not know: how long its depth stream has been silent, and where the touch is now."""
    top = builder.top
    touch = builder.touch
    if now_ns - builder.feed_ns > builder.stale_ns:
        top.state = STALE
        top.reason = SILENT
    elif (
        is_cut(builder.book, BID)
        or is_cut(builder.book, ASK)
        or (touch.bid_lots > 0 and touch.bid_ticks < builder.complete_low_ticks)
        or (touch.ask_lots > 0 and 0 < builder.complete_high_ticks < touch.ask_ticks)
    ):
        top.state = GAP
        top.reason = WINDOW


@hot
def builder_tick(builder: Record, now_ns: int) -> None:
    """A due time of the clock: sample the signals, then publish."""
    builder_publish(builder, now_ns)
    top = builder.top
    if top.state == VALID and top.bid_lots > 0 and top.ask_lots > 0:
        volatility_sample(builder.volatility, top.bid_ticks + top.ask_ticks, now_ns)
        micro_price(builder.micro, top)
        if builder.executable.sizes_lots[SIZES - 1] > 0:
            part = builder.executable
            executable(builder.book, part.sizes_lots, part.work, part.spread_bps, part.fillable_fraction)
    top.volatility_ticks_sqrt_s = volatility_ticks_sqrt_s(builder.volatility, now_ns)
    top.ofi_lots = flow_bucket(builder.flow)
