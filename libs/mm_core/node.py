"""A node: whatever decides. A state and a step from one input to outputs; nothing else happens in it."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np

from mm_core.compiled import Array
from mm_core.events import BookDelta, BookSnapshot, Event, InstrumentDefined

State = Array  # of one record
Column = np.ndarray[Any, np.dtype[np.int64]]
# (key, value) of an operator's SET to what it changes here, for `put`; None for what is not this node's, or no value.
Setter = Callable[[str, str], tuple[str, int | float] | None]
# A definition of the instrument to the venue's filters, an array of one FILTERS; None if it is on another grid of ticks
# and lots, which ends a session: its numbers are in other units.
Filters = Callable[[InstrumentDefined], State | None]


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """One deciding part of the chain.

    `rank` orders the outputs of several nodes to one event and is part of the contract: changing it changes results.
    `inputs` is the subscription, `outputs` what the node may publish. `state` is one record: its bytes are the
    checkpoint.
    """

    name: str
    rank: int
    inputs: tuple[type[Event], ...]
    outputs: tuple[type[Event], ...]
    step: Callable[[Any], Sequence[Event]]
    state: State

    def dump(self) -> bytes:
        """The state as bytes: all that a restart needs besides the configuration."""
        return self.state.tobytes()

    def load(self, dumped: bytes) -> None:
        """Put a dumped state back, in place. ValueError if it is of another layout."""
        if len(dumped) != self.state.nbytes:
            raise ValueError(f"{self.name}: {len(dumped)} bytes of state, expected {self.state.nbytes}")
        self.state.view(np.uint8)[:] = np.frombuffer(dumped, np.uint8)


def only_of(instrument_id: str, step: Callable[[Any], Sequence[Event]]) -> Callable[[Any], Sequence[Event]]:
    """`step` for events of one instrument or of none; AssertionError for another's, which must not be in the log."""

    def checked(event: Any) -> Sequence[Event]:
        found = getattr(event, "instrument_id", instrument_id)
        assert found == instrument_id, f"{type(event).__name__} of {found} in the log of {instrument_id}"
        return step(event)

    return checked


def put(state: State, field: str, value: float) -> None:
    """Set a field of an array of one record; `field` is a path such as `limits.order_lots_max` or `parameters.0`."""
    *path, name = field.split(".")
    for each in path:
        state = state[each]
    if name.isdecimal():
        state[..., int(name)] = value
    else:
        state[name] = value


def columns(event: BookSnapshot | BookDelta) -> tuple[Column, Column, Column, Column]:
    """The levels of an event as compiled functions take them: bid ticks, bid lots, ask ticks, ask lots."""
    return (
        np.array(event.bid_ticks, np.int64),
        np.array(event.bid_lots, np.int64),
        np.array(event.ask_ticks, np.int64),
        np.array(event.ask_lots, np.int64),
    )
