"""The quoter, whatever the venue answers and in whatever order."""

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.core import calls

from mm_core.exchange.venue import Reject
from mm_core.messages import INTENT
from mm_core.quoting.state import ORDERS
from mm_core.risk.reason import Reason
from mm_core.setup.refusals import DENIALS, REJECTIONS
from mm_core.types import TradeState

MS = 1_000_000
S = 1_000 * MS

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("decide"), st.integers(5, 30), st.integers(1, 4)),
        st.tuples(st.sampled_from(["accepted", "filled", "closed"]), st.integers(0, 40), st.just(0)),
    ),
    max_size=60,
)


@settings(max_examples=200)
@given(STEPS, st.integers(1, 5), st.integers(0, 1), st.floats(0.1, 5))
def test_no_price_is_quoted_twice_and_no_order_cancelled_twice_or_too_early(
    steps: list[tuple[str, int, int]], levels: int, cancel_pending: int, half_spread_ticks: float
) -> None:
    # Whole fills: there is nothing to replenish.
    quoter = calls.new_quoter(half_spread_ticks, levels=levels, cancel_pending=cancel_pending, replenish_below=0.25)
    open_orders: dict[int, tuple[int, int]] = {}  # id -> (side, price), until it is known to be closed
    accepted: dict[int, bool] = {}
    canceled: dict[int, bool] = {}
    for kind, number, spread in steps:
        if kind == "decide":
            calls.quoter_decide(quoter, calls.new_top(number, number + spread))
            for m in calls.outbox(quoter):
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
                calls.quoter_closed(quoter, side, number)
        assert all(sum(side == each for each, _ in open_orders.values()) <= ORDERS for side in range(2))


# What happens between decisions: nothing but time, or something that the answer may depend on.
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("book"), st.integers(0, 3), st.sampled_from([0, 100, 900, 1_000])),
        st.tuples(st.sampled_from(["fill", "closed", "limit", "state"]), st.integers(0, 3), st.just(0)),
    ),
    max_size=40,
)
REASONS = st.lists(
    st.sampled_from([each for each in DENIALS if DENIALS[each]] + [each for each in REJECTIONS if REJECTIONS[each]]),
    min_size=1,
    max_size=12,
)


@settings(max_examples=200)
@given(EVENTS, REASONS, st.integers(1, 3), st.floats(0.5, 5))
def test_there_are_no_more_refusals_than_changes_of_what_they_depend_on(
    events: list[tuple[str, int, int]], reasons: list[Reason | Reject], levels: int, half_spread_ticks: float
) -> None:
    quoter = calls.new_quoter(half_spread_ticks, levels=levels, replenish_below=0.25)
    refused, changes, now_ns, touch, window_ns = 0, 0, 0, 0, -S
    for kind, number, passed_ms in [("book", 0, 0), *events, *[("book", 0, 0)] * 9]:
        now_ns += passed_ms * MS
        if kind == "book":
            changes += number != touch
            touch = number
            if now_ns - window_ns >= S:
                changes, window_ns = changes + 1, now_ns
            calls.quoter_decide(quoter, calls.new_top(1_000 + number, 1_002 + number, local_ns=now_ns))
            for m in calls.outbox(quoter).copy():
                code = reasons[refused % len(reasons)]
                refuse = calls.quoter_denied if isinstance(code, Reason) else calls.quoter_rejected
                refuse(quoter, int(m["side"]), int(m["order_id"]), int(code))
                # A rejected price makes room for a size.
                changes += isinstance(code, Reject)
                refused += 1
            continue
        changes += 1
        if kind == "fill":
            calls.quoter_filled(quoter, number % 2, 999, 1, 0)
        elif kind == "state":
            calls.quoter_trading_state(quoter, int(TradeState.ACTIVE))
        elif kind == "limit":
            calls.quoter_limits_changed(quoter)
    assert refused <= 2 * levels * changes


@settings(max_examples=200)
@given(EVENTS)
def test_a_halted_quoter_quotes_nothing_whatever_comes(events: list[tuple[str, int, int]]) -> None:
    quoter = calls.new_quoter(1.0, levels=3, replenish_below=0.25)
    calls.quoter_decide(quoter, calls.new_top(1_000, 1_002))
    calls.quoter_trading_state(quoter, int(TradeState.HALTED))
    for kind, number, passed_ms in events:
        if kind == "fill":
            calls.quoter_filled(quoter, 0, number, 10, 0)
        elif kind == "closed":
            calls.quoter_closed(quoter, number % 2, number)
        elif kind == "limit":
            calls.quoter_limits_changed(quoter)
        calls.quoter_decide(quoter, calls.new_top(1_000 + number, 1_002 + number, local_ns=passed_ms * MS))
        assert len(calls.outbox(quoter)) == 0
        assert quoter["terms"]["quoted"][0].tolist() == [0, 0]


@settings(max_examples=200)
@given(
    st.floats(0.01, 1e6),
    st.floats(-1e7, 1e7),
    st.integers(1, 1_000_000),
    st.integers(1, 1_000),
    st.integers(-1_000, 1_000),
    st.floats(0, 100),
    st.integers(0, 1),
)
def test_target_prices_never_take_never_cross_each_other_and_round_outward(
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
    assert terms["quoted"][0].tolist() == [int(ours[0] > 0), 1]
