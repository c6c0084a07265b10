"""Money, the account and the signals at the extremes of what venues list: equal to Python's exact integers, or refused.

Binance lists ticks from 1e-10 to 1e3 and lots from 1e-8 to 1e6 or so, Kraken ticks from 1e-10 and lots from 1e-8; a
price has less than 2^31 ticks, a displayed quantity up to 9e17 lots.
"""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.unit.core import calls, gates
from tests.unit.core.calls import BUY, SELL

from mm_core.accounting.account import ACCOUNT, traded_value
from mm_core.accounting.money import scale_half_even, sum_product
from mm_core.accounting.node import accountant_node
from mm_core.book.book import new_book
from mm_core.compiled import new
from mm_core.events import InstrumentDefined, OrderFilled
from mm_core.messages import SUBMIT
from mm_core.risk.state import new_risk
from mm_core.setup.config import to_config
from mm_core.setup.core import new_core
from mm_core.setup.units import units_of
from mm_core.signals.builder import TOUCH
from mm_core.signals.executable import SIZES
from mm_core.signals.touch import added_flow
from mm_core.types import InputError, Side
from mm_research.exact import exact_difference, exact_products, exact_sum, group_sums, sum_products, to_whole

INT64_MAX = 2**63 - 1
HELD_MAX = 92 * 10**17  # what the core takes as fitting 63 bits
LOTS_MAX = 9 * 10**17

ticks = st.integers(-10, 3).map(lambda exponent: Decimal(1).scaleb(exponent))
lots = st.integers(-8, 6).map(lambda exponent: Decimal(1).scaleb(exponent))
digits = st.sampled_from([1, 2, 25, 5])


def spread(most: int) -> st.SearchStrategy[int]:
    """Integers from 1 to `most`, of every magnitude alike, and those at the ends."""
    powers = st.integers(0, most.bit_length() - 1).flatmap(lambda bits: st.integers(1 << bits, min(2 << bits, most)))
    return st.one_of(powers, st.sampled_from([1, most]))


def new_touch(bid_ticks: int, bid_lots: int, ask_ticks: int, ask_lots: int) -> calls.State:
    """The touch before a step of the flow."""
    touch = new(TOUCH)
    touch[0] = (bid_ticks, bid_lots, ask_ticks, ask_lots)
    return touch


prices, quantities, values = spread(2**31 - 1), spread(LOTS_MAX), spread(2**62)


@st.composite
def instruments(draw: st.DrawFn) -> InstrumentDefined:
    """An instrument of some tick and lot."""
    tick, lot = min(draw(ticks) * draw(digits), Decimal(1_000)), min(draw(lots) * draw(digits), Decimal(10**6))
    name = {"instrument_id": "binance.TEST", "venue_symbol": "TEST", "ts_ns": 0}
    return InstrumentDefined(**name, tick_size=f"{tick:f}", lot_size=f"{lot:f}")  # type: ignore[arg-type]


def or_overflow(function: Callable[[], Any]) -> int | None:
    """What a call into the core gives; None where it refuses."""
    try:
        return int(function())
    except OverflowError:
        return None


def half_even(value: Fraction) -> int:
    """Python rounds half-even."""
    return round(value)


@settings(max_examples=1_000)
@given(values, st.sampled_from([1, -1]), st.integers(-(10**9), 10**9), instruments())
def test_money_and_fees_are_exact_or_refused(
    size: int, sign: int, rate_ppb: int, instrument: InstrumentDefined
) -> None:
    unit = units_of(instrument).value_e9
    value = half_even(sign * size * unit)
    fee = half_even(Fraction(value * rate_ppb, 10**9))
    terms = unit.numerator, unit.denominator
    assert or_overflow(lambda: calls.money_e9(sign * size, *terms)) == (value if abs(value) <= INT64_MAX else None)
    found = or_overflow(lambda: calls.fee_e9(sign * size, rate_ppb, *terms))
    assert found == (fee if abs(fee) <= INT64_MAX and abs(value * rate_ppb) < 2**128 else None)


@settings(max_examples=1_000)
@given(values, values, values)
def test_a_scaled_value_is_rounded_half_even_whatever_its_size(value: int, factor: int, divisor: int) -> None:
    right = half_even(Fraction(value * factor, divisor))
    for sign in (1, -1):
        found = or_overflow(lambda sign=sign: scale_half_even(sign * value, factor, divisor))  # type: ignore[misc]
        assert found == (sign * right if right <= INT64_MAX else None)


@settings(max_examples=1_000)
@given(st.lists(st.tuples(values, st.sampled_from([1, -1])), min_size=1, max_size=5), values, values)
def test_a_column_is_rounded_half_even_whatever_its_size(column: list[tuple[int, int]], num: int, den: int) -> None:
    signed = [value * sign for value, sign in column]
    found = to_whole(np.array(signed, np.int64), Fraction(num, den)).tolist()
    assert found == [half_even(Fraction(abs(each) * num, den)) * (1 if each >= 0 else -1) for each in signed]


@given(spread(2**29), st.integers(0, 2**29))
def test_halves_are_rounded_to_even(divisor: int, whole: int) -> None:
    assert int(scale_half_even(2**32 * (2 * whole + 1), divisor, 2**33 * divisor)) == half_even(
        Fraction(2 * whole + 1, 2)
    )


@settings(max_examples=1_000)
@given(st.tuples(values, values, values), st.tuples(*[st.sampled_from([1, -1, 0])] * 3))
def test_a_sum_of_a_product_is_exact_or_refused(sizes: tuple[int, int, int], signs: tuple[int, int, int]) -> None:
    base, count, each = (size * sign for size, sign in zip(sizes, signs, strict=True))
    right = base + count * each
    found = or_overflow(lambda: sum_product(base, count, each))
    assert found == (right if abs(right) <= HELD_MAX else None)
    columns = [np.array([part], np.int64) for part in (base, count, each)]
    assert or_overflow(lambda: sum_products(*columns)[0]) == found
    assert exact_products(columns[1], columns[2]).tolist() == [count * each]
    assert exact_sum(np.repeat(columns[0], 9)) == 9 * base
    assert exact_difference(columns[0], columns[1]).tolist() == [base - count]
    groups = group_sums(np.repeat(columns[0], 9), np.array([0, 1, 0, 1, 0, 1, 0, 1, 0]), 2)
    assert groups.tolist() == [5 * base, 4 * base]


@st.composite
def fills(draw: st.DrawFn) -> list[tuple[int, int, int]]:
    """(side, ticks, lots) of fills whose value the account can hold; prices stay within a factor of two."""
    first = draw(prices)
    price = st.integers(first, min(2 * first, 2**31 - 1))
    steps = draw(st.lists(st.tuples(st.sampled_from([BUY, SELL]), price, quantities), min_size=1, max_size=12))
    return [(side, price_ticks, max(1, min(qty_lots, 2**57 // price_ticks))) for side, price_ticks, qty_lots in steps]


@settings(max_examples=300)
@given(fills(), prices)
@example(  # what is unrealised does not fit, what it makes with the cash does
    [
        (0, 41_926_686, 1),
        (1, 41_926_685, 2_546_094_480),
        (0, 83_853_370, 1_718_657_080),
        (0, 41_926_685, 1),
        (0, 41_926_685, 3_012_132_509),
    ],
    2_147_483_647,
)
def test_the_account_is_exact_at_any_price_and_quantity(steps: list[tuple[int, int, int]], last_ticks: int) -> None:
    account = new(ACCOUNT)
    position = cash = cost = realised = volume = 0
    for side, price_ticks, qty_lots in steps:
        calls.fill(account, side, price_ticks, qty_lots, 1)
        signed = qty_lots if side == BUY else -qty_lots
        closed = (
            max(-position, signed) if signed < 0 < position else min(-position, signed) if position < 0 < signed else 0
        )
        part = half_even(Fraction(cost * abs(closed), abs(position))) if closed else 0
        realised += -2 * closed * price_ticks - part
        cost += 2 * (signed - closed) * price_ticks - part
        position, cash, volume = position + signed, cash - 2 * signed * price_ticks, volume + qty_lots * price_ticks
    values = {name: int(account[name][0]) for name in ("position_lots", "cash_half", "cost_half", "realised_half")}
    assert values == {"position_lots": position, "cash_half": cash, "cost_half": cost, "realised_half": realised}
    assert traded_value(account[0]) == volume
    if or_overflow(lambda: calls.mark(account, 2 * last_ticks) or 0) is not None:
        found = or_overflow(lambda: calls.results(account)[1])
        right, unrealised = cash + 2 * position * last_ticks, 2 * position * last_ticks - cost
        assert found == (right if max(abs(right), abs(unrealised)) <= HELD_MAX else None)


# Levels of a displayed book, and what the signals make of them.


def test_levels_of_9e17_lots_are_walked_without_a_wrap() -> None:
    book = new_book(calls.WIDTH, calls.FAR)
    for i in range(20):
        calls.set_level(book, BUY, 1_000 - i, LOTS_MAX)
        calls.set_level(book, SELL, 1_001 + i, LOTS_MAX)
    sizes = np.array([1, LOTS_MAX, 8 * LOTS_MAX // 1_000, INT64_MAX], np.int64)
    spreads, fractions = np.zeros(SIZES), np.zeros(SIZES)
    calls.executable_spread(book, np.sort(sizes), np.zeros((2, 2, SIZES), np.int64), spreads, fractions)
    assert spreads[0] == pytest.approx(1 / 1_000.5 * 1e4)
    assert spreads[1] == pytest.approx(1 / 1_000.5 * 1e4)  # worth 7.2e18 ticks x lots
    assert np.isnan(spreads[2:]).all()  # worth more than can be counted: as if depth were short
    assert ((fractions[2:] >= 0) & (fractions[2:] < 1)).all()


@given(st.lists(st.tuples(*[spread(INT64_MAX)] * 4), min_size=2, max_size=30))
def test_the_flow_of_huge_sizes_keeps_its_sign(steps: list[tuple[int, int, int, int]]) -> None:
    """Bid sizes only grow, ask sizes only shrink: buying pressure, however large."""
    bids = sorted(step[0] for step in steps)
    asks = sorted((step[1] for step in steps), reverse=True)
    previous = new_touch(100, bids[0], 101, asks[0])
    total = 0
    for bid_lots, ask_lots in zip(bids[1:], asks[1:], strict=True):
        total = int(added_flow(total, calls.flow(previous, 100, bid_lots, 101, ask_lots)))
        previous = new_touch(100, bid_lots, 101, ask_lots)
    assert 0 <= total <= 2**52


@given(spread(INT64_MAX), spread(INT64_MAX))
def test_a_weighted_mid_lies_between_bid_and_ask_whatever_the_sizes(bid_lots: int, ask_lots: int) -> None:
    middle = calls.weighted_mid(100, bid_lots, 101, ask_lots)
    assert 100.0 - 1e-9 <= middle <= 101.0 + 1e-9  # a float: the last place is rounded


# What is published, and what is refused at the start.


def instrument_of(tick: str, lot: str) -> InstrumentDefined:
    """An instrument of this tick and lot."""
    return InstrumentDefined(instrument_id="binance.TEST", venue_symbol="TEST", ts_ns=0, tick_size=tick, lot_size=lot)


def test_ten_bitcoins_in_rupiah_are_booked_with_the_right_fees() -> None:
    units = units_of(instrument_of("1", "0.00000001")).value_e9
    node = accountant_node("binance.TEST", new(ACCOUNT), units.numerator, units.denominator)
    fee_e9 = int(calls.fee_e9(1_500_000_000 * 10**9, 1_000_000, units.numerator, units.denominator))
    it: dict[str, Any] = {"instrument_id": "binance.TEST", "ts_ns": 1, "local_ns": 1, "order_id": 1}
    terms: dict[str, Any] = {"qty_lots": 10**9, "leaves_lots": 0, "maker": True, "fee_e9": fee_e9}
    node.step(OrderFilled(**it, side=Side.BUY, price_ticks=1_500_000_000, **terms))
    (after,) = node.step(OrderFilled(**it, side=Side.SELL, price_ticks=1_500_000_100, **terms))
    assert after.fees_e9 == 2 * 15_000_000 * 10**9  # type: ignore[attr-defined]
    assert after.realised_e9 == 1_000 * 10**9  # type: ignore[attr-defined]


@settings(max_examples=100)
@given(instruments())
def test_every_listing_can_be_traded_with_the_defaults(instrument: InstrumentDefined) -> None:
    new_core(to_config({}), instrument)


@pytest.mark.parametrize("tick", ["0.0000000001", "1000"])
@pytest.mark.parametrize("lot", ["0.00000001", "10", "1000000"])
def test_a_tick_and_a_lot_of_any_listing_are_taken(tick: str, lot: str) -> None:
    assert new_core(to_config({}), instrument_of(tick, lot)).risk["limits"]["value_den"][0] >= 1


@pytest.mark.parametrize(
    ("sizes", "sections", "message"),
    [
        (
            ("0.000000000000000001", "0.000000000000000001"),
            {},
            r"tick_size 0\.0*1 x lot_size 0.*expected a larger tick",
        ),
        (("1", "1e12"), {}, "tick_size 1 x lot_size 1000000000000: money is counted exactly"),
        (
            ("1", "1"),
            {"quoter": {"order_qty_base": "3e18"}},
            r"order_qty_base: 3.*expected no more than 2305843009213693952",
        ),
        (("1", "1"), {"risk": {"position_max_base": "9e18"}}, r"\[risk\] position_max_base: 9.*2\^61 times the lot 1"),
        (
            ("1", "1"),
            {"risk": {"loss_day_max_quote": "1e10"}},
            r"loss_day_max_quote: 1.*expected at most 9223372036\.85",
        ),
    ],
)
def test_what_cannot_be_held_is_refused_at_the_start(
    sizes: tuple[str, str], sections: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        new_core(to_config(sections), instrument_of(*sizes))


@given(spread(2**31 - 1), spread(2**61), st.sampled_from([BUY, SELL]))
def test_risk_lets_no_more_value_through_than_the_account_holds(price_ticks: int, qty_lots: int, side: int) -> None:
    risk = new_risk()
    gates.risk_book(risk, calls.new_top(price_ticks, price_ticks + 1))
    for order_id in (1, 2):
        gates.risk_intent(risk, order_id, side, price_ticks, qty_lots, 0)
        (answer,) = calls.outbox(risk)
        if answer["kind"] == SUBMIT:
            terms = side, price_ticks, int(answer["qty_lots"])
            gates.risk_filled(risk, order_id, *terms, 0, 0, 0)
    held = abs(int(risk["account"]["position_lots"][0])) * price_ticks
    assert held <= 2**61
    assert held == 2 * qty_lots * price_ticks or held > 2**61 - price_ticks
