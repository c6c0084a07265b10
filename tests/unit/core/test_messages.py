"""The queue between the compiled parts: in order, bounded, loud when full."""

from typing import Any

import numpy as np
import pytest
from tests.unit.core.calls import State

from mm_core.compiled import compiled, new
from mm_core.events.records import MESSAGE
from mm_core.messages import (
    BUS,
    FILLED,
    append_message,
    bus_due_ns,
    bus_join_fill,
    bus_last,
    bus_pop,
    bus_push,
    is_crowded,
)
from mm_core.types import NEVER_NS


@compiled
def push(bus: State, due_ns: int) -> Any:
    return bus_push(bus[0], due_ns).local_ns


@compiled
def pop(bus: State) -> Any:
    return bus_pop(bus[0]).local_ns


@compiled
def due_ns(bus: State) -> Any:
    return bus_due_ns(bus[0])


@compiled
def push_fill(bus: State, order_id: int, price_ticks: int, due_ns: int) -> None:
    message = bus_push(bus[0], due_ns)
    message.kind = FILLED
    message.order_id = order_id
    message.price_ticks = price_ticks
    message.qty_lots = 1


@compiled
def join(bus: State, order_id: int, price_ticks: int, due_ns: int) -> Any:
    """Whether a fill of one more lot has joined an earlier one."""
    if not bus_join_fill(bus[0], order_id, price_ticks, 0, due_ns):
        return False
    bus_last(bus[0]).qty_lots += 1
    return True


@compiled
def pop_fill(bus: State) -> Any:
    message = bus_pop(bus[0])
    return message.order_id, message.price_ticks, message.qty_lots, message.local_ns


@compiled
def crowded(bus: State) -> Any:
    return is_crowded(bus[0])


PART = np.dtype([("outbox_count", "i8"), ("outbox", MESSAGE, (2,))])


@compiled
def append_again(part: State) -> None:
    append_message(part[0], 1, 2, 3, 4, 5, 6)


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


def test_what_is_due_is_the_first_message_also_where_the_ring_wraps() -> None:
    bus = new(BUS)
    for due in range(3 * bus["ring"].shape[1]):
        push(bus, due)
        push(bus, due)
        assert (due_ns(bus), pop(bus), due_ns(bus), pop(bus)) == (due,) * 4


def test_a_place_of_the_outbox_is_used_again_without_what_was_in_it() -> None:
    part = new(PART)
    for name in MESSAGE.names or ():
        part["outbox"][name] = 99
    append_again(part)
    message = part["outbox"][0, 0]
    assert message[["kind", "order_id", "side", "price_ticks", "qty_lots", "ts_ns", "local_ns"]].item() == (
        *range(1, 7),
        6,
    )
    assert message[["leaves_lots", "fee_e9", "reason", "time_in_force", "maker", "state"]].item() == (0,) * 6
    assert int(part["outbox_count"][0]) == 1


def test_a_full_queue_is_an_error() -> None:
    bus = new(BUS)
    capacity = bus["ring"].shape[1]
    for lap in range(3):  # the ring wraps
        for i in range(capacity):
            push(bus, lap * capacity + i)
        with pytest.raises(OverflowError, match="message queue of the core is full"):
            push(bus, 10**6)
        assert [pop(bus) for _ in range(capacity)] == [lap * capacity + i for i in range(capacity)]


def test_a_joined_fill_comes_last_and_not_before_its_time() -> None:
    bus = new(BUS)
    for at, (order_id, price_ticks) in enumerate([(1, 100), (1, 100), (2, 99), (1, 101)]):
        push_fill(bus, order_id, price_ticks, 10 + at)
    assert join(bus, 1, 100, 50)  # the later one of the two, behind what was sent since
    assert join(bus, 1, 100, 40)
    push_fill(bus, 3, 98, 45)
    expected = [(1, 100, 1, 10), (2, 99, 1, 12), (1, 101, 1, 13), (1, 100, 3, 50), (3, 98, 1, 50)]
    assert [pop_fill(bus) for _ in expected] == expected
    assert due_ns(bus) == NEVER_NS


def test_a_fill_joins_none_of_another_order_or_price_and_none_that_has_left() -> None:
    bus = new(BUS)
    push_fill(bus, 1, 100, 10)
    assert not join(bus, 1, 101, 10)
    assert not join(bus, 2, 100, 10)
    pop(bus)
    assert not join(bus, 1, 100, 10)


def test_fills_join_where_the_ring_wraps() -> None:
    bus = new(BUS)
    capacity = bus["ring"].shape[1]
    for at in range(capacity - 2):
        push(bus, at)
        pop(bus)
    for at in range(5):
        push_fill(bus, at, 100, capacity + at)
    assert join(bus, 0, 100, capacity + 9)
    assert [pop_fill(bus)[0] for _ in range(5)] == [1, 2, 3, 4, 0]


def test_a_queue_is_crowded_when_a_quarter_of_it_is_left() -> None:
    bus = new(BUS)
    found = []
    for at in range(bus["ring"].shape[1]):
        found.append(bool(crowded(bus)))
        push(bus, at)
    assert found == [False] * 96 + [True] * 32
