"""The quoter: leaves what rests at a target price, cancels once, submits once."""

from typing import Any

import pytest
from tests.unit.core import calls
from tests.unit.core.calls import BUY, SELL

from mm_core.messages import CANCEL_INTENT, INTENT
from mm_core.quoting.state import ORDERS
from mm_core.types import BookState, TradeState

NodeEvent = list[tuple[int, int, int, int]]


def decide(quoter: calls.State, bid_ticks: int, ask_ticks: int, **values: int) -> NodeEvent:
    """One decision; its intents as (kind, side, order id, price)."""
    calls.quoter_decide(quoter, calls.new_top(bid_ticks, ask_ticks, **values))
    return [tuple(int(m[name]) for name in ("kind", "side", "order_id", "price_ticks")) for m in calls.outbox(quoter)]  # type: ignore[misc]


def resting(half_spread_ticks: float = 1.0, **values: Any) -> calls.State:
    """A quoter whose first orders, around the touch 100/102, were accepted: 1.. bids, then asks."""
    quoter = calls.new_quoter(half_spread_ticks, **values)
    for _, side, order_id, _ in decide(quoter, 100, 102):
        calls.quoter_accepted(quoter, side, order_id, 10)
    return quoter


def test_both_sides_are_submitted_with_ids_from_the_counter() -> None:
    quoter = calls.new_quoter(1.0)
    assert decide(quoter, 100, 102) == [(INTENT, BUY, 1, 100), (INTENT, SELL, 2, 102)]
    assert calls.outbox(quoter)["qty_lots"].tolist() == [10, 10]


@pytest.mark.parametrize(("bid_lots", "ask_lots", "count"), [(1, 1, 2), (0, 1, 0), (1, 0, 0)])
def test_a_touch_of_one_lot_is_one_and_a_side_without_lots_is_none(bid_lots: int, ask_lots: int, count: int) -> None:
    top = calls.new_top(100, 102)
    top["bid_lots"], top["ask_lots"] = bid_lots, ask_lots
    quoter = calls.new_quoter(1.0)
    calls.quoter_decide(quoter, top)
    assert len(calls.outbox(quoter)) == count


def test_what_rests_at_the_target_price_stays() -> None:
    quoter = resting()
    assert decide(quoter, 100, 102) == []
    calls.quoter_filled(quoter, BUY, 1, 4, 6)  # without replenishing, a partial fill changes nothing
    assert decide(quoter, 100, 102) == []


def test_what_is_on_its_way_counts_as_resting() -> None:
    quoter = calls.new_quoter(1.0)
    decide(quoter, 100, 102)
    assert decide(quoter, 100, 102) == []


def test_a_move_cancels_the_old_and_submits_the_new_at_once_cancels_first() -> None:
    assert decide(resting(), 101, 103) == [
        (CANCEL_INTENT, BUY, 1, 100),
        (CANCEL_INTENT, SELL, 2, 102),
        (INTENT, BUY, 3, 101),
        (INTENT, SELL, 4, 103),
    ]


def test_nothing_is_cancelled_before_it_is_accepted_unless_allowed() -> None:
    quoter = calls.new_quoter(1.0)
    decide(quoter, 100, 102)
    assert [kind for kind, *_ in decide(quoter, 101, 103)] == [INTENT, INTENT]
    calls.quoter_accepted(quoter, BUY, 1, 10)
    assert decide(quoter, 101, 103) == [(CANCEL_INTENT, BUY, 1, 100)]
    eager = calls.new_quoter(1.0, cancel_pending=1)
    decide(eager, 100, 102)
    assert [kind for kind, *_ in decide(eager, 101, 103)] == [CANCEL_INTENT, CANCEL_INTENT, INTENT, INTENT]


def test_an_order_is_cancelled_once_even_if_it_is_accepted_after() -> None:
    quoter = calls.new_quoter(1.0, cancel_pending=1)
    decide(quoter, 100, 102)
    decide(quoter, 101, 103)
    calls.quoter_accepted(quoter, BUY, 1, 10)
    assert decide(quoter, 101, 103) == []


def test_a_price_with_a_cancel_in_flight_is_not_quoted_again_until_the_order_is_closed() -> None:
    quoter = resting()
    decide(quoter, 101, 103)
    assert (INTENT, BUY, 5, 100) not in decide(quoter, 100, 102)
    calls.quoter_closed(quoter, BUY, 1)
    assert (INTENT, BUY, 5, 100) in decide(quoter, 100, 102)


@pytest.mark.parametrize("state", [BookState.SYNCING, BookState.STALE, BookState.GAP])
def test_a_book_without_proof_cancels_everything_and_quotes_nothing(state: BookState) -> None:
    quoter = resting()
    assert decide(quoter, 100, 102, state=int(state)) == [(CANCEL_INTENT, BUY, 1, 100), (CANCEL_INTENT, SELL, 2, 102)]
    assert decide(quoter, 100, 102, state=int(state)) == []


def test_an_empty_side_of_the_book_is_no_book() -> None:
    assert decide(calls.new_quoter(1.0), 100, 102, lots=0) == []


def test_several_levels_go_away_from_the_touch_and_only_the_difference_moves() -> None:
    quoter = calls.new_quoter(1.0, levels=3)
    intents = decide(quoter, 100, 102)
    assert [price for _, side, _, price in intents if side == BUY] == [100, 99, 98]
    assert [price for _, side, _, price in intents if side == SELL] == [102, 103, 104]
    for _, side, order_id, _ in intents:
        calls.quoter_accepted(quoter, side, order_id, 10)
    assert [(kind, price) for kind, _, _, price in decide(quoter, 101, 103)] == [
        (CANCEL_INTENT, 98),
        (CANCEL_INTENT, 102),
        (INTENT, 101),
        (INTENT, 105),
    ]


def test_no_level_is_quoted_at_or_below_zero() -> None:
    intents = decide(calls.new_quoter(1.0, levels=4), 2, 4)
    assert [price for _, side, _, price in intents if side == BUY] == [2, 1]


def test_with_all_slots_taken_it_waits_for_the_venue() -> None:
    quoter = calls.new_quoter(1.0)
    for move in range(ORDERS):
        assert [kind for kind, *_ in decide(quoter, 100 + move, 102 + move)] == [INTENT, INTENT]
    assert decide(quoter, 200, 202) == []
    calls.quoter_closed(quoter, BUY, 1)
    assert [(kind, side, price) for kind, side, _, price in decide(quoter, 200, 202)] == [(INTENT, BUY, 200)]


def test_a_fill_moves_the_position_and_frees_the_price() -> None:
    quoter = resting()
    calls.quoter_filled(quoter, BUY, 1, 4, 6)
    calls.quoter_filled(quoter, BUY, 1, 6, 0)
    calls.quoter_filled(quoter, SELL, 2, 3, 7)
    assert int(quoter["terms"]["position_lots"][0]) == 7
    assert [(side, price) for _, side, _, price in decide(quoter, 100, 102)] == [(BUY, 100)]


def test_news_of_an_order_it_does_not_know_changes_only_the_position() -> None:
    quoter = resting()
    calls.quoter_filled(quoter, SELL, 99, 2, 0)
    calls.quoter_accepted(quoter, BUY, 99, 10)
    calls.quoter_closed(quoter, BUY, 99)
    assert int(quoter["terms"]["position_lots"][0]) == -2
    assert decide(quoter, 100, 102) == []


# What fills have left too little of.


@pytest.mark.parametrize(("leaves", "expected"), [(3, []), (2, [(INTENT, BUY, 3, 100)])])
def test_a_rest_below_the_threshold_is_replenished_behind_what_rests(leaves: int, expected: NodeEvent) -> None:
    quoter = resting(replenish_below=0.25)  # of 10 lots
    calls.quoter_filled(quoter, BUY, 1, 10 - leaves, leaves)
    assert decide(quoter, 100, 102) == expected
    assert calls.outbox(quoter)["qty_lots"].tolist() == [10 - leaves for _ in expected]
    assert decide(quoter, 100, 102) == []  # what is in flight counts


def test_what_rests_in_several_orders_counts_together_and_is_canceled_together() -> None:
    quoter = resting(replenish_below=0.25)
    calls.quoter_filled(quoter, BUY, 1, 8, 2)
    decide(quoter, 100, 102)
    calls.quoter_accepted(quoter, BUY, 3, 8)
    calls.quoter_filled(quoter, BUY, 1, 2, 0)
    assert decide(quoter, 100, 102) == []  # 8 of 10
    calls.quoter_filled(quoter, BUY, 3, 6, 2)
    assert decide(quoter, 100, 102) == [(INTENT, BUY, 4, 100)]
    calls.quoter_accepted(quoter, BUY, 4, 8)
    assert [(kind, order_id) for kind, side, order_id, _ in decide(quoter, 101, 103) if side == BUY] == [
        (CANCEL_INTENT, 3),
        (CANCEL_INTENT, 4),
        (INTENT, 5),
    ]


def test_what_was_cut_off_an_order_is_not_requested_again_while_it_rests() -> None:
    quoter = calls.new_quoter(1.0, replenish_below=0.5)
    decide(quoter, 100, 102)
    calls.quoter_accepted(quoter, BUY, 1, 4)  # risk let 4 of 10 through
    calls.quoter_accepted(quoter, SELL, 2, 10)
    assert decide(quoter, 100, 102) == []
    calls.quoter_filled(quoter, BUY, 1, 3, 1)
    assert decide(quoter, 100, 102) == [(INTENT, BUY, 3, 100)]
    assert calls.outbox(quoter)["qty_lots"].tolist() == [3]


def test_nothing_is_replenished_where_a_cancel_is_on_its_way() -> None:
    quoter = resting(replenish_below=0.25)
    calls.quoter_filled(quoter, BUY, 1, 8, 2)
    decide(quoter, 101, 103)
    assert [side for kind, side, _, price in decide(quoter, 100, 102) if (kind, price) == (INTENT, 100)] == []


# The trading state.


def test_while_halted_nothing_is_decided() -> None:
    quoter = resting()
    calls.quoter_trading_state(quoter, int(TradeState.HALTED))
    steps = int(quoter["steps"][0])
    assert decide(quoter, 105, 107) == []  # risk cancels
    assert int(quoter["steps"][0]) == steps
    calls.quoter_trading_state(quoter, int(TradeState.ACTIVE))
    assert [kind for kind, *_ in decide(quoter, 105, 107)] == [CANCEL_INTENT, CANCEL_INTENT, INTENT, INTENT]


@pytest.mark.parametrize(("position", "expected"), [(0, []), (5, [SELL]), (-5, [BUY])])
def test_while_reducing_only_the_side_that_reduces_is_quoted(position: int, expected: list[int]) -> None:
    quoter = calls.new_quoter(1.0)
    quoter["terms"]["position_lots"] = position
    calls.quoter_trading_state(quoter, int(TradeState.REDUCING))
    assert [side for _, side, _, _ in decide(quoter, 100, 102)] == expected
