"""The account against integers without bounds: the identity holds exactly, whatever happens."""

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.core import calls

from mm_core.accounting.account import ACCOUNT
from mm_core.compiled import new

# (highest price in ticks, most lots of a fill): bitcoin in cents and satoshi lots, a coin of 1e-5 in whole lots
MARKETS = st.sampled_from([(10_000_000, 1_000_000), (5_000, 100_000_000), (5, 3)])


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[str, int, int, int]]:
    """Steps (fill or mark, side, ticks or half-ticks, lots) in one market."""
    ticks_max, lots_max = draw(MARKETS)
    steps = st.one_of(
        st.tuples(st.just("fill"), st.integers(0, 1), st.integers(1, ticks_max), st.integers(1, lots_max)),
        st.tuples(st.just("mark"), st.just(0), st.integers(2, 2 * ticks_max), st.just(0)),
    )
    return draw(st.lists(steps, max_size=30))


def naive(steps: list[tuple[str, int, int, int]]) -> tuple[int, int, int]:
    """(position, cash, realised) of a history, in integers without bounds."""
    position = cash = cost = realised = 0
    for kind, side, price, lots in steps:
        if kind != "fill":
            continue
        signed = lots if side == 0 else -lots
        closed = 0
        if signed * position < 0:
            closed = max(signed, -position) if signed < 0 else min(signed, -position)
        part = round(Fraction(cost * abs(closed), abs(position))) if closed else 0  # Python rounds half-even
        realised += -closed * 2 * price - part
        cost += (signed - closed) * 2 * price - part
        position += signed
        cash -= signed * 2 * price
    return position, cash, realised


@settings(max_examples=300)
@given(histories())
def test_total_is_realised_plus_unrealised_and_spread_plus_inventory(steps: list[tuple[str, int, int, int]]) -> None:
    account = new(ACCOUNT)
    for i, (kind, side, price, lots) in enumerate(steps, start=1):
        if kind == "fill":
            calls.fill(account, side, price, lots, 0)
        else:
            calls.mark(account, price)
        values = {name: int(account[name][0]) for name in ACCOUNT.names or ()}
        unrealised, total = map(int, calls.results(account))
        assert (values["position_lots"], values["cash_half"], values["realised_half"]) == naive(steps[:i])
        assert total == values["cash_half"] + values["position_lots"] * values["mid_half"]
        assert total == values["realised_half"] + unrealised
        assert total == values["spread_half"] + values["inventory_half"]


@given(
    st.integers(-(10**15), 10**15), st.integers(-10_000_000, 10_000_000), st.integers(1, 1_000), st.integers(1, 1_000)
)
def test_fees_are_exact_to_one_billionth(tick_lots: int, rate_ppb: int, num: int, den: int) -> None:
    value = round(Fraction(tick_lots * num, den))
    assert calls.money_e9(tick_lots, num, den) == value
    assert calls.fee_e9(tick_lots, rate_ppb, num, den) == round(Fraction(value * rate_ppb, 10**9))
