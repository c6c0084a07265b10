"""The quoter, whatever the venue answers and in whatever order."""

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.core import calls

from mm_core.messages import INTENT
from mm_core.quoting.quoter import ORDERS

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("decide"), st.integers(5, 30), st.integers(1, 4)),
        st.tuples(st.sampled_from(["accepted", "filled", "gone"]), st.integers(0, 40), st.just(0)),
    ),
    max_size=60,
)


@settings(max_examples=200, deadline=None)
@given(STEPS, st.integers(1, 5), st.integers(0, 1), st.floats(0.1, 5))
def test_no_price_is_quoted_twice_and_no_order_cancelled_twice_or_too_early(
    steps: list[tuple[str, int, int]], levels: int, cancel_pending: int, half_spread_ticks: float
) -> None:
    quoter = calls.new_quoter(half_spread_ticks, levels=levels, cancel_pending=cancel_pending)
    open_orders: dict[int, tuple[int, int]] = {}  # id -> (side, price), until it is known to be gone
    accepted: dict[int, bool] = {}
    canceled: dict[int, bool] = {}
    for kind, number, spread in steps:
        if kind == "decide":
            calls.quoter_decide(quoter, calls.new_top(number, number + spread))
            for m in calls.said(quoter):
                order_id, place = int(m["order_id"]), (int(m["side"]), int(m["price_ticks"]))
                if m["kind"] == INTENT:
                    assert place not in open_orders.values()
                    assert place[1] > 0
                    assert place[1] < number + spread if place[0] == 0 else place[1] > number
                    open_orders[order_id] = place
                else:
                    assert order_id in open_orders
                    assert order_id not in canceled
                    assert order_id in accepted or cancel_pending
                    canceled[order_id] = True
        elif number in open_orders:
            side = open_orders[number][0]
            if kind == "accepted":
                accepted[number] = True
                calls.quoter_accepted(quoter, side, number, 10)
                continue
            del open_orders[number]
            if kind == "filled":
                calls.quoter_filled(quoter, side, number, 10, 0)
            else:
                calls.quoter_gone(quoter, side, number)
        assert all(sum(side == each for each, _ in open_orders.values()) <= ORDERS for side in range(2))


@settings(max_examples=200, deadline=None)
@given(
    st.floats(0.01, 1e6),
    st.floats(-1e7, 1e7),
    st.integers(1, 1_000_000),
    st.integers(1, 1_000),
    st.integers(-1_000, 1_000),
    st.floats(0, 100),
    st.integers(0, 1),
)
def test_wanted_prices_never_take_never_cross_each_other_and_round_outward(
    half: float, shift: float, bid: int, spread: int, position: int, skew: float, join_only: int
) -> None:
    fair = bid + spread / 2
    terms = calls.new_terms(
        fair_ticks=fair,
        reservation_ticks=fair + shift,
        half_spread_ticks=half,
        position_lots=position,
        inventory_skew_ticks=skew,
        join_only=join_only,
    )
    calls.decide(terms, bid, bid + spread)
    ours = terms["price_ticks"][0].tolist()
    middle = fair + shift - position * skew
    assert ours[0] < ours[1]
    assert ours[0] < bid + spread
    assert ours[1] > bid
    assert ours[0] <= middle - half + 1e-6
    assert ours[1] >= middle + half - 1e-6
    assert not join_only or (ours[0] <= bid and ours[1] >= bid + spread)
    assert terms["want"][0].tolist() == [int(ours[0] > 0), 1]
