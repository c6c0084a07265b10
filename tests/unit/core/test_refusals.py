"""A refusal is not repeated: what the quoter remembers of each reason, and what makes it ask again."""

from collections.abc import Callable

import pytest
from tests.unit.core import calls
from tests.unit.core.calls import BUY, SELL

from mm_core.exchange.venue import Reject
from mm_core.messages import INTENT
from mm_core.quoting.refusals import REASONS
from mm_core.risk.reason import Reason
from mm_core.setup.refusals import DENIALS, REJECTIONS
from mm_core.types import BookState, Command, TradeState

S = 1_000_000_000
Change = Callable[[calls.State], object]


def requests(quoter: calls.State, bid_ticks: int, ask_ticks: int, local_ns: int = 0) -> list[tuple[int, int, int]]:
    """(side, price, lots) of its intents now; all are answered by `answer`."""
    calls.quoter_decide(quoter, calls.new_top(bid_ticks, ask_ticks, local_ns=local_ns))
    intents = calls.outbox(quoter)
    intents = intents[intents["kind"] == INTENT]
    return [(int(m["side"]), int(m["price_ticks"]), int(m["qty_lots"])) for m in intents]


def last_id(quoter: calls.State) -> int:
    return int(quoter["next_order_id"][0]) - 1


def refused(code: Reason | Reject, levels: int = 1, local_ns: int = 0) -> calls.State:
    """A quoter around 1000/1002 whose ask (order 2) rests and whose bid (order 1) was refused."""
    quoter = calls.new_quoter(1.0, levels=levels)
    requests(quoter, 1_000, 1_002, local_ns)
    refuse(quoter, code, 1)
    for order_id in range(levels + 1, 2 * levels + 1):
        calls.quoter_accepted(quoter, SELL, order_id, 10)
    return quoter


def refuse(quoter: calls.State, code: Reason | Reject, order_id: int, side: int = BUY) -> None:
    if isinstance(code, Reason):
        calls.quoter_denied(quoter, side, order_id, int(code))
    else:
        calls.quoter_rejected(quoter, side, order_id, int(code))


def closed(quoter: calls.State) -> None:
    """An open order of the refused side is closed."""
    quoter["orders"]["order_id"][0, BUY, 0] = 77
    quoter["open"][0, BUY] = 1
    calls.quoter_closed(quoter, BUY, 77)


CHANGES: dict[str, Change] = {
    "position": lambda quoter: calls.quoter_filled(quoter, SELL, 2, 1, 9),
    "order closed": closed,
    "order of the other side closed": lambda quoter: calls.quoter_closed(quoter, SELL, 2),
    "limit": calls.quoter_limits_changed,
    "state": lambda quoter: calls.quoter_trading_state(quoter, int(TradeState.ACTIVE)),
    "touch": lambda quoter: calls.quoter_decide(quoter, calls.new_top(999, 1_003, state=int(BookState.STALE))),
}
SIZE = {"position", "order closed", "limit", "state"}
# Changes after which it requests again at the same place. A price that was never refused may be requested at any time.
DENIED: dict[Reason, set[str]] = {
    Reason.PRICE_COLLAR: {"touch"},
    Reason.PRICE_DEVIATION: {"touch"},
    Reason.PRICE_BOUNDS: {"touch"},
    Reason.POSITION: SIZE,
    Reason.REDUCING: SIZE,
    Reason.ORDER_LOTS: SIZE,
    Reason.ORDER_VALUE: SIZE,
    Reason.NOTIONAL: SIZE,
    Reason.SPOT_BALANCE: SIZE,
    Reason.BELOW_MINIMUM: SIZE,
    Reason.MIN_NOTIONAL: SIZE,
    Reason.VENUE_QTY_MAX: SIZE,
    Reason.VENUE_NOTIONAL_MAX: SIZE,
    Reason.TOO_MANY_ORDERS: SIZE | {"order of the other side closed"},
    Reason.VENUE_ORDERS: SIZE | {"order of the other side closed"},
}
REJECTED: dict[Reject, set[str]] = {
    Reject.WOULD_TAKE: {"touch"},
    Reject.PRICE_FILTER: {"touch"},
    Reject.PERCENT_PRICE: {"touch"},
    Reject.LOT_SIZE: SIZE,
    Reject.NOTIONAL: SIZE,
    Reject.TOO_MANY_ORDERS: SIZE,
    Reject.MAX_ORDERS: SIZE | {"order of the other side closed"},
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("code", [*DENIED, *REJECTED], ids=lambda code: f"{type(code).__name__}-{code.name}")
def test_a_refused_order_is_not_requested_again_until_what_it_depends_on_has_changed(
    code: Reason | Reject, change: str
) -> None:
    quoter = refused(code)
    for local_ns in (S, 2 * S):
        assert requests(quoter, 1_000, 1_002, local_ns) == []
    CHANGES[change](quoter)
    requested = [price for side, price, _ in requests(quoter, 1_000, 1_002, 3 * S) if side == BUY]
    changes = DENIED[code] if isinstance(code, Reason) else REJECTED[code]
    assert requested == ([1_000] if change in changes else [])


def test_every_reason_has_a_kind_and_a_place_in_the_tables() -> None:
    assert set(DENIALS) == set(Reason)
    assert set(REJECTIONS) == set(Reject)
    assert max([*Reason, *Reject]) < REASONS
    assert {*DENIED, Reason.ORDER_RATE} == {code for code, kind in DENIALS.items() if kind}
    assert set(REJECTED) == {code for code, kind in REJECTIONS.items() if kind}


@pytest.mark.parametrize(
    ("code", "requested"),
    [
        (Reason.NOTIONAL, [(BUY, 1_011, 10)]),
        (Reason.MIN_NOTIONAL, [(BUY, 1_011, 10)]),
        (Reason.SPOT_BALANCE, [(BUY, 1_011, 10)]),
        (Reason.POSITION, []),
        (Reason.BELOW_MINIMUM, []),
    ],
)
def test_a_size_that_depends_on_the_price_is_requested_again_when_that_moves_by_more_than_a_percent(
    code: Reason, requested: list[tuple[int, int, int]]
) -> None:
    quoter = refused(code)
    assert [each for each in requests(quoter, 1_010, 1_012) if each[0] == BUY] == []
    assert [each for each in requests(quoter, 1_011, 1_013) if each[0] == BUY] == requested


def test_no_price_makes_good_what_a_spot_account_does_not_hold() -> None:
    quoter = calls.new_quoter(1.0)
    requests(quoter, 1_000, 1_002)
    refuse(quoter, Reason.SPOT_BALANCE, 2, SELL)
    assert [side for side, *_ in requests(quoter, 2_000, 2_002)] == [BUY]


def test_a_minimum_refuses_only_what_is_as_small() -> None:
    quoter = refused(Reason.BELOW_MINIMUM)
    quoter["terms"]["lot_lots"] = 11
    assert requests(quoter, 1_000, 1_002) == [(BUY, 1_000, 11)]


@pytest.mark.parametrize(
    ("code", "order_id", "requested"),
    [
        (Reason.PRICE_COLLAR, 1, []),  # the nearest is too far: so are all beyond it
        (Reason.PRICE_COLLAR, 2, [1_000]),
        (Reject.WOULD_TAKE, 1, [999, 998]),  # what rests further away takes nothing
        (Reject.WOULD_TAKE, 3, []),
    ],
)
def test_a_refused_price_stands_for_all_that_lie_beyond_it(
    code: Reason | Reject, order_id: int, requested: list[int]
) -> None:
    quoter = calls.new_quoter(1.0, levels=3)
    requests(quoter, 1_000, 1_002)
    refuse(quoter, code, order_id)
    for other in {1, 2, 3} - {order_id}:
        calls.quoter_closed(quoter, BUY, other)
    assert [price for side, price, _ in requests(quoter, 1_000, 1_002) if side == BUY] == requested


def test_a_price_refused_beyond_the_mid_leaves_those_further_away() -> None:
    quoter = calls.new_quoter(0.1)
    quoter["terms"]["inventory_skew_ticks"] = -3.0
    quoter["terms"]["position_lots"] = 10  # leans up: the bid is above the mid
    assert requests(quoter, 1_000, 1_010)[0] == (BUY, 1_007, 10)
    refuse(quoter, Reason.PRICE_COLLAR, 1)
    quoter["terms"]["inventory_skew_ticks"] = 0.0
    assert requests(quoter, 1_000, 1_010)[0] == (BUY, 1_004, 10)


def test_a_refused_rate_is_requested_again_on_both_sides_when_the_oldest_order_leaves_its_window() -> None:
    quoter = calls.new_quoter(1.0)
    requests(quoter, 1_000, 1_002, 5 * S)  # orders 1 and 2
    requests(quoter, 1_001, 1_003, 5 * S + 100)  # orders 3 and 4, of which the second is denied
    refuse(quoter, Reason.ORDER_RATE, 4, SELL)
    assert requests(quoter, 1_002, 1_004, 6 * S - 1) == []
    assert requests(quoter, 1_002, 1_004, 6 * S) == [(BUY, 1_002, 10), (SELL, 1_004, 10)]
    refuse(quoter, Reason.ORDER_RATE, 6, SELL)  # the oldest is order 3 now
    assert requests(quoter, 1_002, 1_004, 6 * S + 99) == []
    assert requests(quoter, 1_002, 1_004, 6 * S + 100) == [(SELL, 1_004, 10)]


def test_a_rate_that_lets_nothing_through_is_requested_once_a_window() -> None:
    quoter = calls.new_quoter(1.0)
    for at_s in (5, 6, 7):
        assert len(requests(quoter, 1_000, 1_002, at_s * S)) == 2
        for order_id in (last_id(quoter) - 1, last_id(quoter)):
            for side in (BUY, SELL):
                refuse(quoter, Reason.ORDER_RATE, order_id, side)
        assert requests(quoter, 1_000, 1_002, (at_s + 1) * S - 1) == []


def test_a_refusal_of_a_decision_before_the_change_is_not_remembered() -> None:
    quoter = calls.new_quoter(1.0)
    requests(quoter, 1_000, 1_002)
    requests(quoter, 1_000, 1_003)  # the touch changes while the order is in flight
    refuse(quoter, Reject.WOULD_TAKE, 1)
    assert (BUY, 1_000, 10) in requests(quoter, 1_000, 1_003)
    quoter = calls.new_quoter(1.0)
    requests(quoter, 1_000, 1_002)
    calls.quoter_filled(quoter, SELL, 2, 10, 0)
    refuse(quoter, Reject.MAX_ORDERS, 1)
    assert (BUY, 1_000, 10) in requests(quoter, 1_000, 1_002)


def test_a_rejected_price_makes_room_for_what_had_none() -> None:
    quoter = calls.new_quoter(1.0, levels=2)
    requests(quoter, 1_000, 1_002)
    refuse(quoter, Reason.POSITION, 2)
    refuse(quoter, Reject.WOULD_TAKE, 1)
    assert [price for side, price, _ in requests(quoter, 1_000, 1_002) if side == BUY] == [999]


@pytest.mark.parametrize("code", [Reason.HALTED, Reason.BOOK_NOT_VALID, Reason.BOOK_EMPTY])
def test_what_the_quoter_knows_by_itself_is_not_remembered(code: Reason) -> None:
    assert requests(refused(code), 1_000, 1_002) == [(BUY, 1_000, 10)]


def test_a_post_only_order_that_would_have_taken_does_not_keep_a_flattening_from_taking() -> None:
    quoter = calls.new_quoter(1.0)
    quoter["terms"]["position_lots"] = 4
    requests(quoter, 1_000, 1_002)
    refuse(quoter, Reject.WOULD_TAKE, 2, SELL)
    calls.quoter_closed(quoter, BUY, 1)
    calls.quoter_command(quoter, int(Command.FLATTEN))
    assert requests(quoter, 1_000, 1_002) == [(SELL, 1_000, 4)]


def test_a_flattening_waits_for_the_touch_where_its_price_was_refused() -> None:
    quoter = calls.new_quoter(1.0)
    quoter["terms"]["position_lots"] = 4
    calls.quoter_command(quoter, int(Command.FLATTEN))
    assert requests(quoter, 1_000, 1_002) == [(SELL, 1_000, 4)]
    refuse(quoter, Reason.PRICE_COLLAR, last_id(quoter), SELL)
    assert requests(quoter, 1_000, 1_002, S) == []
    assert requests(quoter, 999, 1_002, 2 * S) == [(SELL, 999, 4)]
