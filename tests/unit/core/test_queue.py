"""Queue models (docs/queues.md), each share by hand."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.core.calls import State

from mm_core.compiled import compiled, new
from mm_core.exchange import queue
from mm_core.exchange.queue import LOG, LOG_2, POWER, POWER_2, POWER_3, RISK_AVERSE
from mm_core.exchange.venue import ORDER


@compiled
def share_behind(model: int, power: float, front: float, back: float, lot_base: float = 1.0) -> Any:
    return queue.share_behind(model, power, lot_base, front, back)


@compiled
def on_depth(model: int, power: float, order: State, previous_lots: int, lots: int, lot_base: float = 1.0) -> Any:
    order[0].shown_lots = previous_lots
    queue.queue_on_depth(model, power, lot_base, order[0], lots)
    return order[0].front_lots


@compiled
def on_trade(order: State, lots: int) -> Any:
    queue.queue_on_trade(order[0], lots)
    return queue.executable_lots(order[0])


MODELS = [(POWER, 1.0), (POWER, 2.0), (POWER, 3.0), (POWER_2, 2.0), (POWER_3, 3.0), (LOG, 0.0), (LOG_2, 0.0)]


@pytest.mark.parametrize(
    ("model", "power", "share"),
    [
        (POWER, 1.0, 10 / 40),
        (POWER, 2.0, 100 / 1_000),
        (POWER, 3.0, 1_000 / 28_000),
        (POWER_2, 2.0, (10 / 40) ** 2),
        (POWER_3, 3.0, 1 - (30 / 40) ** 3),
        (LOG, 0.0, math.log(11) / (math.log(11) + math.log(31))),
        (LOG_2, 0.0, math.log(11) / math.log(41)),
    ],
)
def test_the_share_behind_with_thirty_ahead_and_ten_behind(model: int, power: float, share: float) -> None:
    assert share_behind(model, power, 30.0, 10.0) == pytest.approx(share, abs=1e-12)


def test_a_logarithm_takes_quantities_in_the_base() -> None:
    lots, lot_base = (30_000.0, 10_000.0), 0.001
    assert share_behind(LOG, 0.0, *lots, lot_base) == pytest.approx(math.log(11) / (math.log(11) + math.log(31)))
    assert share_behind(LOG_2, 0.0, *lots, lot_base) == pytest.approx(math.log(11) / math.log(41))


@pytest.mark.parametrize(("model", "power"), MODELS)
@given(steps=st.lists(st.tuples(st.booleans(), st.integers(0, 60)), min_size=1, max_size=20))
def test_the_front_does_not_depend_on_the_size_of_the_lot(
    model: int, power: float, steps: list[tuple[bool, int]]
) -> None:
    """The same quantities in lots of 1 and of 0.001: trades (True) and displayed quantities (False), from 40 on."""
    coarse, fine = new(ORDER), new(ORDER)
    coarse["front_lots"], fine["front_lots"] = 40.0, 40_000.0
    displayed = 40
    for is_trade, qty in steps:
        if is_trade:
            reached, reached_fine = on_trade(coarse, qty), on_trade(fine, 1_000 * qty)
            assert abs(reached - reached_fine / 1_000) <= 0.5  # a fill is a whole number of lots
        else:
            on_depth(model, power, coarse, displayed, qty, 1.0)
            on_depth(model, power, fine, 1_000 * displayed, 1_000 * qty, 0.001)
            displayed = qty
        assert fine["front_lots"][0] == pytest.approx(1_000 * coarse["front_lots"][0], rel=1e-6, abs=1e-3)


@pytest.mark.parametrize(("model", "power"), MODELS)
def test_the_share_is_a_share_and_grows_with_what_is_behind(model: int, power: float) -> None:
    shares = [share_behind(model, power, 30.0, float(back)) for back in range(200)]
    assert shares == sorted(shares)
    assert 0.0 <= shares[0] <= shares[-1] <= 1.0
    assert share_behind(model, power, 0.0, 10.0) == 1.0  # nothing ahead: all cancels are behind


@pytest.mark.parametrize(("model", "power"), MODELS)
def test_an_empty_queue_is_no_division_by_zero(model: int, power: float) -> None:
    assert share_behind(model, power, 0.0, 0.0) == 1.0


@pytest.mark.parametrize(
    ("model", "power", "front", "share"),
    [
        (LOG, 0.0, -0.5, math.log(21.5) / (math.log(21.5) + math.log(0.5))),  # as published, above 1 here
        (LOG, 0.0, -1.0, 0.0),  # the logarithm of 0: as published
        (LOG, 0.0, -1.001, 1.0),  # not a number as published
        (POWER, 2.5, -0.5, 1.0),  # not a number as published
        (POWER, 1.0, -20.5, 1.0),  # infinite: counts as all, as published
    ],
)
def test_a_share_that_is_not_a_number_leaves_all_cancels_behind(
    model: int, power: float, front: float, share: float
) -> None:
    assert share_behind(model, power, front, 20.5) == pytest.approx(share)


@pytest.mark.parametrize(("model", "power"), [(LOG, 0.0), (POWER, 2.5)])
def test_an_order_that_is_first_stays_first_when_its_share_is_not_a_number(model: int, power: float) -> None:
    order = new(ORDER)
    order["front_lots"] = -2.0
    assert on_depth(model, power, order, 20, 10) == -2.0


@pytest.mark.parametrize(("model", "power"), [*MODELS, (POWER, 2.5)])
@pytest.mark.parametrize("front", [-0.75, -12.5])
def test_a_front_below_zero_is_no_error(model: int, power: float, front: float) -> None:
    order = new(ORDER)
    order["front_lots"] = front
    assert on_depth(model, power, order, 20, 10) <= 10.0


@pytest.mark.parametrize(("model", "power"), [(RISK_AVERSE, 0.0), *MODELS])
def test_depth_never_moves_a_waiting_order_back_nor_deeper_than_its_level(model: int, power: float) -> None:
    random = np.random.default_rng(7)
    for _ in range(200):
        order = new(ORDER)
        displayed = int(random.integers(1, 100))
        front = float(displayed)
        order["front_lots"] = front
        for _ in range(10):
            lots = int(random.integers(0, 100))
            moved = on_depth(model, power, order, displayed, lots)
            assert moved <= front + 1e-9
            assert moved <= lots
            if moved < 0:
                break  # at the front by more than one order: it waits no longer
            displayed, front = lots, moved


@pytest.mark.parametrize(
    ("front", "lots", "executable"),
    [(10.0, 9, 0), (10.0, 10, 0), (10.0, 11, 1), (10.4, 10, 0), (9.6, 10, 0), (9.5, 10, 1), (9.4, 12, 3), (-3.0, 1, 4)],
)
def test_what_trades_take_beyond_the_queue_is_ours(front: float, lots: int, executable: int) -> None:
    order = new(ORDER)
    order["front_lots"] = front
    assert on_trade(order, lots) == executable
