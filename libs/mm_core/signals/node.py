"""The book builder as a node: says Book at every Tick, and after a change of the touch where that is asked for.

What lies between two events never shows: a Book is of whole events.
"""

import math
from collections.abc import Sequence
from typing import get_args

import numpy as np

from mm_core import events as e
from mm_core.book.window import ASK, BID
from mm_core.compiled import Record, compiled, new
from mm_core.node import Column, Node, State, columns
from mm_core.signals.builder import (
    VALID,
    builder_clear,
    builder_end,
    builder_level,
    builder_publish,
    builder_status,
    builder_tick,
)
from mm_core.types import BookState

Hears = e.FeedStatus | e.BookSnapshot | e.BookDelta | e.Tick
Says = e.Book
BOOK_STATES = tuple(BookState)


@compiled
def _set_levels(builder: Record, side: int, ticks: Column, lots: Column) -> None:
    for i in range(ticks.shape[0]):
        builder_level(builder, side, ticks[i], lots[i])


@compiled
def on_book(
    state: State,
    snapshot: bool,
    local_ns: int,
    bid_ticks: Column,
    bid_lots: Column,
    ask_ticks: Column,
    ask_lots: Column,
) -> bool:
    """A snapshot or a delta; True if the touch may have changed."""
    builder = state[0].builder
    builder.feed_ns = local_ns
    if snapshot:
        builder_clear(builder)
    _set_levels(builder, BID, bid_ticks, bid_lots)
    _set_levels(builder, ASK, ask_ticks, ask_lots)
    if builder.touched == 0:
        return False
    builder_end(builder)
    return True


@compiled
def on_status(state: State, book_state: int, epoch: int, low_ticks: int, high_ticks: int) -> None:
    """The feed says what it proves from here on; that is no event of the depth stream."""
    builder_status(state[0].builder, book_state, epoch, low_ticks, high_ticks)


@compiled
def on_tick(state: State, due_ns: int) -> None:
    """The clock: sample the signals, then publish."""
    builder_tick(state[0].builder, due_ns)


@compiled
def on_touch(state: State, local_ns: int) -> None:
    """Publish the touch between two Ticks."""
    builder_publish(state[0].builder, local_ns)


class _BookBuilder:
    """The step of the node, with the views of the state that it reads."""

    def __init__(self, instrument_id: str, state: State, decide_on_touch: bool) -> None:
        self._instrument_id = instrument_id
        self._state = state
        self._decide_on_touch = decide_on_touch
        builder = state["builder"]
        self._update_id = state["update_id"]
        self._top = builder["top"]
        self._window = builder["complete_low_ticks"], builder["complete_high_ticks"]
        asked = np.flatnonzero(builder["executable"]["sizes_lots"][0])
        first = int(asked[0]) if len(asked) else len(builder["executable"]["sizes_lots"][0])
        self._spread_bps = builder["executable"]["spread_bps"][0, first:]
        self._fraction = builder["executable"]["fillable_fraction"][0, first:]

    def step(self, event: Hears) -> Sequence[Says]:
        match event:
            case e.BookDelta() | e.BookSnapshot():
                self._update_id[0] = event.update_id
                is_snapshot = isinstance(event, e.BookSnapshot)
                if on_book(self._state, is_snapshot, event.local_ns, *columns(event)) and self._decide_on_touch:
                    on_touch(self._state, event.local_ns)
                    return [self._book()]
            case e.FeedStatus():
                window = event.complete_low_ticks, event.complete_high_ticks
                on_status(self._state, int(event.state), event.epoch, *window)
            case e.Tick():
                on_tick(self._state, event.ts_ns)
                return [self._book()]
        return ()

    def _book(self) -> e.Book:
        local_ns, state, epoch, bid_ticks, bid_lots, ask_ticks, ask_lots, *signals = self._top[0].item()
        weighted_mid, volatility, micro_stdev, micro_min, micro_max, ofi_lots, reason = signals
        has_touch = bid_lots > 0 and ask_lots > 0
        low_ticks, high_ticks = self._window
        return e.Book(
            instrument_id=self._instrument_id,
            ts_ns=local_ns,
            local_ns=local_ns,
            state=BOOK_STATES[state],
            epoch=epoch,
            update_id=int(self._update_id[0]),
            complete_low_ticks=int(low_ticks[0]),
            complete_high_ticks=int(high_ticks[0]),
            bid_ticks=bid_ticks,
            bid_lots=bid_lots,
            ask_ticks=ask_ticks,
            ask_lots=ask_lots,
            mid_half_ticks=bid_ticks + ask_ticks if has_touch else 0,
            weighted_mid_ticks=weighted_mid,
            volatility_ticks_sqrt_s=volatility,
            micro_stdev_ticks=micro_stdev,
            micro_min_ticks=micro_min,
            micro_max_ticks=micro_max,
            ofi_lots=ofi_lots,
            executable_spread_bps=self._spreads(state == VALID and has_touch),
            fillable_fraction=tuple(self._fraction.tolist()),
            reason=reason,
        )

    def _spreads(self, is_known: bool) -> tuple[float | None, ...]:
        """Null where depth is short, and where no book is proven: the state then holds what was."""
        return tuple([bps if is_known and not math.isnan(bps) else None for bps in self._spread_bps.tolist()])


def builder_node(instrument_id: str, builder: State, *, decide_on_touch: bool = False) -> Node:
    """The book builder of one instrument from `builder`: an array of one record of `builder_dtype`."""
    state = new(np.dtype([("update_id", "i8"), ("builder", builder.dtype)]))
    state["builder"] = builder
    return Node(
        name="book_builder",
        rank=1,
        hears=get_args(Hears),
        says=(Says,),
        step=_BookBuilder(instrument_id, state, decide_on_touch).step,
        state=state,
    )
