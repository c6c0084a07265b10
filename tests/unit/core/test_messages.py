"""The queue between the compiled parts: in order, bounded, loud when full."""

from typing import Any

import pytest
from tests.unit.core.calls import State

from mm_core.compiled import compiled, new
from mm_core.messages import BUS, bus_due_ns, bus_pop, bus_push
from mm_core.types import NEVER_NS


@compiled
def push(bus: State, due_ns: int) -> Any:
    return bus_push(bus[0], due_ns).due_ns


@compiled
def pop(bus: State) -> Any:
    return bus_pop(bus[0]).due_ns


@compiled
def due_ns(bus: State) -> Any:
    return bus_due_ns(bus[0])


def test_messages_come_out_in_the_order_they_went_in_and_never_before_an_earlier_one() -> None:
    bus = new(BUS)
    assert [push(bus, due) for due in (10, 30, 20, 40)] == [10, 30, 30, 40]
    assert [pop(bus) for _ in range(4)] == [10, 30, 30, 40]


def test_an_empty_queue_is_never_due() -> None:
    bus = new(BUS)
    assert due_ns(bus) == NEVER_NS
    push(bus, 5)
    assert due_ns(bus) == 5
    pop(bus)
    assert due_ns(bus) == NEVER_NS


def test_a_full_queue_is_an_error_that_says_so() -> None:
    bus = new(BUS)
    capacity = bus["ring"].shape[1]
    for lap in range(3):  # the ring wraps
        for i in range(capacity):
            push(bus, lap * capacity + i)
        with pytest.raises(OverflowError, match="message queue of the core is full"):
            push(bus, 10**6)
        assert [pop(bus) for _ in range(capacity)] == [lap * capacity + i for i in range(capacity)]
