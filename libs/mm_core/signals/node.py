"""The book builder as a node: publishes Book at every Tick, and where configured after a change of the touch.

What lies between two events never shows: a Book is of complete events.
"""

import math
from collections.abc import Sequence
from typing import get_args

import numpy as np

from mm_core import events as e
from mm_core.book.ids import IDS, take_depth, take_epoch, take_top
from mm_core.book.window import ASK, BID
from mm_core.compiled import Record, compiled, new
from mm_core.node import Column, Node, State, columns
from mm_core.signals.builder import (
    DECIDE_ON_TICK,
    DECIDE_ON_TOP,
    TOP,
    VALID,
    builder_clear,
    builder_depth_end,
    builder_level,
    builder_publish,
    builder_status,
    builder_tick,
    builder_top,
)
from mm_core.types import BookState

Inputs = e.FeedStatus | e.BookSnapshot | e.BookDelta | e.BookTop | e.Tick
Outputs = e.Book
BOOK_STATES = tuple(BookState)


@compiled
def _set_levels(builder: Record, side: int, ticks: Column, lots: Column) -> None:
    for i in range(ticks.shape[0]):
        builder_level(builder, side, ticks[i], lots[i])


@compiled
def on_book(
    state: State,
    snapshot: bool,
    update_id: int,
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
    return builder_depth_end(builder, take_depth(state[0].ids, update_id))


@compiled
def on_top(state: State, update_id: int, bid_ticks: int, bid_lots: int, ask_ticks: int, ask_lots: int) -> bool:
    """The venue's own top; True if it is news."""
    if not take_top(state[0].ids, update_id):
        return False
    builder_top(state[0].builder, bid_ticks, bid_lots, ask_ticks, ask_lots)
    return True


@compiled
def on_status(state: State, book_state: int, epoch: int, low_ticks: int, high_ticks: int) -> None:
    """The feed's state from here on; that is no event of the depth stream."""
    take_epoch(state[0].ids, epoch)
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

    def __init__(self, instrument_id: str, state: State, decide_on: int) -> None:
        self._instrument_id = instrument_id
        self._state = state
        self._on_touch = decide_on != DECIDE_ON_TICK
        builder = state["builder"]
        self._update_id = state["update_id"]
        self._top = builder["top"]
        self._window = builder["complete_low_ticks"], builder["complete_high_ticks"]
        used = np.flatnonzero(builder["executable"]["sizes_lots"][0])
        first = int(used[0]) if len(used) else len(builder["executable"]["sizes_lots"][0])
        self._spread_bps = builder["executable"]["spread_bps"][0, first:]
        self._fraction = builder["executable"]["fillable_fraction"][0, first:]

    def step(self, event: Inputs) -> Sequence[Outputs]:
        match event:
            case e.BookDelta() | e.BookSnapshot():
                self._update_id[0] = event.update_id
                is_snapshot = isinstance(event, e.BookSnapshot)
                is_news = on_book(self._state, is_snapshot, event.update_id, event.local_ns, *columns(event))
                return self._touch(event) if is_news and self._on_touch else ()
            case e.BookTop():
                touch = event.bid_ticks, event.bid_lots, event.ask_ticks, event.ask_lots
                if on_top(self._state, event.update_id, *touch):
                    self._update_id[0] = event.update_id
                    return self._touch(event)
            case e.FeedStatus():
                window = event.complete_low_ticks, event.complete_high_ticks
                on_status(self._state, int(event.state), event.epoch, *window)
            case e.Tick():
                on_tick(self._state, event.ts_ns)
                return [self._book()]
        return ()

    def _touch(self, event: e.Root) -> Sequence[Outputs]:
        on_touch(self._state, event.local_ns)
        return [self._book()]

    def _book(self) -> e.Book:
        top = dict(zip(TOP.names or (), self._top[0].item(), strict=True))
        is_valid, has_touch = top["state"] == VALID, top["bid_lots"] > 0 and top["ask_lots"] > 0
        low_ticks, high_ticks = self._window
        return e.Book(
            **top | {"state": BOOK_STATES[top["state"]]},
            instrument_id=self._instrument_id,
            ts_ns=top["local_ns"],
            update_id=int(self._update_id[0]),
            complete_low_ticks=int(low_ticks[0]),
            complete_high_ticks=int(high_ticks[0]),
            mid_half_ticks=top["bid_ticks"] + top["ask_ticks"] if has_touch else 0,
            executable_spread_bps=self._spreads(is_valid and has_touch),
            fillable_fraction=tuple(self._fraction.tolist()),
        )

    def _spreads(self, is_known: bool) -> tuple[float | None, ...]:
        """Null where depth is short, and where no book is proven: the state then holds what was."""
        return tuple([bps if is_known and not math.isnan(bps) else None for bps in self._spread_bps.tolist()])


def builder_node(instrument_id: str, builder: State, decide_on: int = DECIDE_ON_TICK) -> Node:
    """The book builder of one instrument from `builder`: an array of one record of `builder_dtype`."""
    state = new(np.dtype([("update_id", "i8"), ("ids", IDS), ("builder", builder.dtype)]))
    state["builder"] = builder
    return Node(
        name="book_builder",
        rank=1,
        inputs=tuple(kind for kind in get_args(Inputs) if kind is not e.BookTop or decide_on == DECIDE_ON_TOP),
        outputs=(Outputs,),
        step=_BookBuilder(instrument_id, state, decide_on).step,
        state=state,
    )
