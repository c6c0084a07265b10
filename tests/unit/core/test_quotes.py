"""Quotes against reference numbers of Avellaneda and Stoikov (2008), and the last step that all strategies share."""

import math
from itertools import pairwise

import pytest
from tests.unit.core import calls

from mm_core.quoting.avellaneda_stoikov import GAMMA_PER_TICK, HORIZON_S, K_PER_TICK, VOLATILITY_TICKS_SQRT_S
from mm_core.signals.builder import VALID


def quoted(
    gamma: float, k: float, horizon_s: float, sigma: float, *, mid: int = 100, position: int = 0, lot: int = 1
) -> calls.State:
    """The terms of an Avellaneda-Stoikov decision around an integer mid."""
    terms = calls.new_terms(position_lots=position, lot_lots=lot)
    terms["parameters"][0, GAMMA_PER_TICK] = gamma
    terms["parameters"][0, K_PER_TICK] = k
    terms["parameters"][0, HORIZON_S] = horizon_s
    terms["parameters"][0, VOLATILITY_TICKS_SQRT_S] = sigma
    calls.quote_avellaneda_stoikov(terms, calls.new_top(mid - 1, mid + 1, state=VALID))
    return terms


def raw(terms: calls.State) -> tuple[float, float]:
    """(bid, ask) before rounding."""
    middle, half = float(terms["reservation_ticks"][0]), float(terms["half_spread_ticks"][0])
    return middle - half, middle + half


@pytest.mark.parametrize(
    ("gamma", "horizon_s", "psi"),
    [
        (0.1, 1, 1.690770422751),
        (0.1, 0, 1.290770422751),
        (0.01, 1, 1.368908543734),
        (0.01, 0, 1.328908543734),
        (0.5, 1, 3.150728289807),
        (0.5, 0, 1.150728289807),
        (1, 1, 5.021651247532),
        (1, 0, 1.021651247532),
        (1e-6, 1, 1.3333368889),
        (1e-9, 0, 1.333333332889),  # by the series
        (0, 1, 4 / 3),
        (0.1, -5, 1.290770422751),  # a horizon in the past is none
    ],
)
def test_psi_is_the_total_spread(gamma: float, horizon_s: float, psi: float) -> None:
    bid, ask = raw(quoted(gamma, 1.5, horizon_s, 2.0))
    assert ask - bid == pytest.approx(psi, abs=1e-10)


@pytest.mark.parametrize(
    ("n", "horizon_s", "bid", "ask"),
    [
        (0, 1, 99.154614788624, 100.845385211376),
        (5, 1, 97.154614788624, 98.845385211376),
        (-5, 1, 101.154614788624, 102.845385211376),
        (3, 0.25, 99.0046147886, 100.3953852114),
    ],
)
@pytest.mark.parametrize("scale", [1, 100])
def test_quotes_of_the_paper_in_any_tick_size(n: int, horizon_s: float, bid: float, ask: float, scale: int) -> None:
    terms = quoted(0.1 / scale, 1.5 / scale, horizon_s, 2.0 * scale, mid=100 * scale, position=n)
    assert raw(terms) == pytest.approx((bid * scale, ask * scale), abs=1e-9 * scale)


@pytest.mark.parametrize(
    ("position_e5", "bid", "ask"),
    [
        (0, 59975.01996, 60024.98004),
        (10_000, 59972.31996, 60022.28004),
        (-10_000, 59977.71996, 60027.68004),
        (3_000, 59974.20996, 60024.17004),
    ],
)
def test_bitcoin_in_cents_and_satoshi_lots(position_e5: int, bid: float, ask: float) -> None:
    # sigma 3 USDT/sqrt(s), k 0.04/USDT, gamma 0.05/USDT x orders of 0.01 BTC; tick 0.01 USDT, lot 0.00001 BTC
    terms = quoted(0.05 * 0.01 / 100, 0.04 / 100, 60, 3 * 100, mid=6_000_000, position=position_e5, lot=1_000)
    assert raw(terms) == pytest.approx((100 * bid, 100 * ask), abs=6e-4)


def test_minutes_in_the_place_of_seconds_give_the_same_quotes() -> None:
    seconds = quoted(0.1, 1.5, 60, 2.0, position=2)
    minutes = quoted(0.1, 1.5, 1, 2.0 * math.sqrt(60), position=2)
    assert raw(minutes) == pytest.approx(raw(seconds), rel=1e-12)


def test_long_moves_both_prices_down_and_the_width_stays() -> None:
    quotes = [raw(quoted(0.1, 1.5, 1, 2.0, position=n)) for n in range(-9, 10)]
    for (bid, ask), (lower_bid, lower_ask) in pairwise(quotes):
        assert lower_bid < bid
        assert lower_ask < ask
        assert lower_ask - lower_bid == pytest.approx(ask - bid, abs=1e-12)


def test_the_stationary_inventory_has_the_standard_deviation_of_its_skew() -> None:
    k, skew = 1.5, 0.051717216122  # of one lot: gamma sigma^2 tau with tau chosen to give it
    quotes = [raw(quoted(0.1, k, skew / (0.1 * 4), 2.0, position=n)) for n in range(-40, 41)]
    weights = [1.0]  # a birth-death chain: bids fill at e^{-k (s - bid)}, asks at e^{-k (ask - s)}
    for (bid, _), (_, ask) in pairwise(quotes):
        weights.append(weights[-1] * math.exp(-k * (100 - bid)) / math.exp(-k * (ask - 100)))
    variance = sum(weight * (i - 40) ** 2 for i, weight in enumerate(weights)) / sum(weights)
    assert math.sqrt(variance) == pytest.approx(2.53876091, abs=1e-8)


def test_without_volatility_of_its_own_it_takes_the_books() -> None:
    terms = calls.new_terms()
    terms["parameters"][0, :3] = (0.1, 1.5, 1.0)
    top = calls.new_top(99, 101)
    top["volatility_ticks_sqrt_s"] = 2.0
    calls.quote_avellaneda_stoikov(terms, top)
    assert raw(terms) == pytest.approx((99.154614788624, 100.845385211376), abs=1e-9)
    top["volatility_ticks_sqrt_s"] = math.nan  # not warm yet
    calls.quote_avellaneda_stoikov(terms, top)
    assert terms["quoted"][0].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("slot", "value"),
    [
        *((slot, math.nan) for slot in (GAMMA_PER_TICK, K_PER_TICK, HORIZON_S, VOLATILITY_TICKS_SQRT_S)),
        *((slot, math.inf) for slot in (GAMMA_PER_TICK, HORIZON_S, VOLATILITY_TICKS_SQRT_S)),
        (K_PER_TICK, 0.0),
    ],
)
def test_what_is_no_number_gives_no_quote(slot: int, value: float) -> None:
    parameters = [0.1, 1.5, 1.0, 2.0]
    parameters[slot] = value
    assert quoted(*parameters, position=1)["quoted"][0].tolist() == [0, 0]


def test_an_infinite_k_leaves_the_risk_term_alone() -> None:
    bid, ask = raw(quoted(0.1, math.inf, 1, 2.0))
    assert ask - bid == pytest.approx(0.1 * 4)


# (fair, reservation, half-spread, other terms) -> (bid, ask), None where not quoted; the touch is 100/104.
TERMS = [
    ((102, 102, 2.0, {}), (100, 104)),
    ((102, 102.5, 2.0, {}), (100, 105)),  # outward: floor 100.5, ceil 104.5
    ((102, 102, 0.4, {}), (101, 103)),
    ((102, 99, 1.0, {}), (98, 101)),  # the ask would take the bid: just above it
    ((102, 106, 1.0, {}), (103, 107)),  # the bid would take the ask: just below it
    ((102, 102, 0.4, {"join_only": 1}), (100, 104)),
    ((102, 102, 3.0, {"join_only": 1}), (99, 105)),
    ((200, 102, 1.0, {"half_spread_bps_min": 200}), (98, 106)),  # 200 bps of the fair price, 4 ticks
    ((200, 102, 9.0, {"half_spread_bps_max": 200}), (98, 106)),
    ((40_000, 102, 9.0, {"half_spread_bps_max": 1}), (98, 106)),
    ((102, 102, 2.0, {"position_lots": 5, "position_lots_max": 5}), (None, 104)),
    ((102, 102, 2.0, {"position_lots": 4, "position_lots_max": 5}), (100, 104)),
    ((102, 102, 2.0, {"position_lots": -5, "position_lots_max": 5}), (100, None)),
    ((102, 102, 2.0, {"position_lots": -7, "position_lots_max": 5}), (100, None)),
    ((102, 102, 2.0, {"position_lots": 4, "inventory_threshold": 3, "inventory_skew_ticks": 2}), (98, 102)),
    ((102, 102, 2.0, {"position_lots": -4, "inventory_threshold": 3, "inventory_skew_ticks": 2}), (102, 106)),
    ((102, 102, 2.0, {"position_lots": 3, "inventory_threshold": 3, "inventory_skew_ticks": 2}), (100, 104)),
    ((102, 102, 2.0, {"position_lots": 6, "lot_lots": 2, "inventory_skew_ticks": 1}), (97, 101)),
    ((102, 102, 2.0, {"position_lots": 3, "inventory_threshold": 1, "inventory_skew_bps": 100.0}), (97, 102)),
    ((102, 3, 5.0, {}), (None, 101)),  # no price at or below 0
    ((102, math.nan, 1.0, {}), (None, None)),
    ((102, 102, math.nan, {}), (None, None)),
    ((102, 102, math.inf, {}), (None, None)),
    ((102, 102, 1e300, {}), (None, None)),  # as an integer it would wrap and be clamped to the touch
    ((102, 1e300, 1.0, {}), (None, None)),
    ((102, -1e300, 1.0, {}), (None, None)),
]


@pytest.mark.parametrize(("outputs", "expected"), TERMS)
def test_terms_become_two_prices_or_none(
    outputs: tuple[float, float, float, dict[str, float]], expected: tuple[int | None, int | None]
) -> None:
    fair, reservation, half, others = outputs
    terms = calls.new_terms(fair_ticks=fair, reservation_ticks=reservation, half_spread_ticks=half, **others)
    calls.decide(terms, 100, 104)
    quoted_sides, price_ticks = terms["quoted"][0], terms["price_ticks"][0]
    assert tuple(int(price_ticks[side]) if quoted_sides[side] else None for side in range(2)) == expected
