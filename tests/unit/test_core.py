"""From human units to the records that every part starts from."""

from contextlib import suppress
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm_core.book.window import NO_RANK
from mm_core.events import InstrumentDefined
from mm_core.exchange import queue
from mm_core.node import put
from mm_core.risk.state import LIMITS
from mm_core.setup.config import Config, section_keys, to_config
from mm_core.setup.core import NEVER_STALE_NS, QUEUES, Core, new_core
from mm_core.setup.settings import QUOTER_FIELDS, RISK_FIELDS, STRATEGIES, check_setting, strategy_fields
from mm_core.setup.units import Units, exact, floor
from mm_core.types import INT64_MAX, InputError


def instrument(tick: str = "0.01", lot: str = "0.00001", qty_lots_min: int = 0) -> InstrumentDefined:
    """An instrument of these sizes."""
    return InstrumentDefined(
        instrument_id="binance.BTCUSDT",
        venue_symbol="BTCUSDT",
        ts_ns=0,
        tick_size=tick,
        lot_size=lot,
        qty_lots_min=qty_lots_min,
    )


def core(sections: dict[str, Any] | None = None, **sizes: Any) -> Core:
    """The core of these sections for that instrument."""
    return new_core(to_config(sections or {}), instrument(**sizes))


def test_without_limits_by_default_nothing_binds_and_a_hundred_lots_are_quoted() -> None:
    made = core({"risk": {"default_limits": False}})
    limits = made.risk["limits"][0]
    assert (limits["collar_bps"], limits["loss_auto_bps"]) == (0.0, 0)
    assert {name: int(limits[name]) for name in LIMITS.names or () if name.endswith("_max")} == dict.fromkeys(
        [name for name in LIMITS.names or () if name.endswith("_max")], INT64_MAX
    )
    terms = made.quoter["terms"][0]
    assert (terms["lot_lots"], terms["position_lots_max"], made.quoter["next_order_id"][0]) == (100, 1000, 1)
    assert (made.period_ns, made.decide_on, made.venue["best"].tolist()) == (100_000_000, 0, [[NO_RANK, NO_RANK]])


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        ({}, {"order_lots_max": 100, "position_lots_max": 1200, "collar_bps": 500.0, "loss_auto_bps": 200}),
        ({"quoter": {"levels": 3}}, {"position_lots_max": 1600}),
        (
            {"quoter": {"order_qty_base": "0.002", "position_max_base": "0.003"}},
            {"order_lots_max": 200, "position_lots_max": 700},
        ),
        (
            {"risk": {"order_max_base": "0.1", "position_max_base": 1, "collar_bps": 3.0, "loss_session_max_quote": 7}},
            {"order_lots_max": 10_000, "position_lots_max": 100_000, "collar_bps": 3.0, "loss_auto_bps": 0},
        ),
        ({"risk": {"loss_day_max_quote": 7}}, {"loss_auto_bps": 200, "loss_day_e9_max": 7 * 10**9}),
    ],
)
def test_limits_that_are_absent_follow_the_quoter(sections: dict[str, Any], expected: dict[str, float]) -> None:
    limits = core(sections).risk["limits"][0]
    assert {name: limits[name].item() for name in expected} == expected


def test_fees_that_are_absent_are_the_regular_ones() -> None:
    venue = core().venue[0]
    assert (venue["maker_fee_ppb"], venue["taker_fee_ppb"]) == (1_000_000, 1_000_000)


def test_amounts_become_lots_ticks_and_nanoseconds() -> None:
    made = core(
        {
            "book": {"stale_ms": 0, "decide_on": "touch"},
            "quoter": {"order_qty_base": "0.0015", "position_max_base": 1},
            "risk": {"order_value_max_quote": 1000, "loss_day_max_quote": "0.5", "account_mode": "spot"},
            "exchange": {
                "entry_ms": "0.000001",
                "response_ms": 2.5,
                "maker_fee": "-0.0001",
                "queue": "power_prob_2:1.5",
            },
        },
        qty_lots_min=7,
    )
    venue, limits, terms = made.venue[0], made.risk["limits"][0], made.quoter["terms"][0]
    assert (venue["entry_ns"], venue["cancel_ns"], venue["response_ns"]) == (1, 1, 2_500_000)
    assert (venue["maker_fee_ppb"], venue["queue_model"], venue["queue_power"]) == (-100_000, queue.POWER_2, 1.5)
    assert venue["lot_base"] == float(made.units.lot)
    assert (limits["order_tick_lots_max"], limits["loss_day_e9_max"]) == (10**10, 500_000_000)
    assert (limits["spot"], made.risk["filters"]["lots_min"][0]) == (1, 7)
    assert (terms["lot_lots"], terms["position_lots_max"]) == (150, 100_000)
    assert (made.builder["stale_ns"][0], made.decide_on) == (NEVER_STALE_NS, 1)


def test_the_value_of_a_tick_and_lot_is_a_reduced_fraction() -> None:
    venue = core(tick="0.01", lot="0.00001").venue[0]
    assert (venue["value_num"], venue["value_den"]) == (100, 1)
    fine = core({"quoter": {"order_qty_base": "0.00000004"}}, tick="0.000000025", lot="0.00000001")
    assert (fine.venue["value_num"][0], fine.venue["value_den"][0]) == (1, 4_000_000)


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_finds_its_parameters_in_its_section(name: str) -> None:
    made = core({"quoter": {"strategy": name}})
    function, parameters = STRATEGIES[name]
    assert made.strategy.__name__ == function.__name__
    assert parameters == section_keys(Config)[name]


def test_sizes_of_the_executable_spread_fill_the_last_slots() -> None:
    assert core(lot="0.3").builder["executable"]["sizes_lots"].tolist() == [[0, 0, 0, 0]]
    assert core(lot="0.5").builder["executable"]["sizes_lots"].tolist() == [[0, 2, 10, 20]]
    sizes = {"signals": {"executable_sizes_base": ["0.5", "2"]}}
    assert core(sizes, lot="0.1").builder["executable"]["sizes_lots"].tolist() == [[0, 0, 5, 20]]


@pytest.mark.parametrize("name", QUEUES)
def test_every_queue_model_has_a_name(name: str) -> None:
    text = f"{name}:3" if name.startswith("power") else name
    assert core({"exchange": {"queue": text}}).venue["queue_model"][0] == QUEUES[name]


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"quoter": {"order_qty_base": "0.000015"}}, "order_qty_base: 0.000015 is not a multiple of the lot 0.00001"),
        ({"quoter": {"order_qty_base": 0}}, "order_qty_base: 0; expected 0.00001 or more"),
        ({"quoter": {"order_qty_base": "nan"}}, "order_qty_base: NaN is not a multiple of the lot"),
        ({"quoter": {"half_spread_bps_min": 2, "half_spread_bps_max": 1}}, "half_spread_bps_max: expected 0 or"),
        ({"signals": {"volatility_sample_ms": 150}}, "volatility_sample_ms: expected a multiple of the clock's 100 ms"),
        (
            {"signals": {"volatility_sample_ms": 2_000, "volatility_half_life_s": 1.9}},
            "volatility_half_life_s: expected volatility_sample_ms or more",
        ),
        ({"signals": {"ofi_window_ms": 110_000}}, "ofi_window_ms: expected 0 to 1023 periods of 100 ms"),
        ({"signals": {"executable_sizes_base": [2, 1]}}, "executable_sizes_base: expected at most 4 sizes"),
        ({"risk": {"notional_max_quote": -1}}, "notional_max_quote: -1; expected a decimal of 0 or more"),
        ({"exchange": {"entry_ms": "0.0000001"}}, "entry_ms: 0.0000001 is not a multiple of one nanosecond"),
        ({"exchange": {"entry_ms": -1}}, "entry_ms: -1; expected 0 or more"),
        ({"exchange": {"maker_fee": 1}}, "maker_fee: 1; expected a rate below 1"),
        ({"exchange": {"maker_fee": "nan"}}, "maker_fee: NaN; expected a rate below 1"),
        ({"exchange": {"queue": "power_prob"}}, "queue: 'power_prob'; expected one of risk_averse, power_prob:n"),
        ({"exchange": {"queue": "power_prob:x"}}, "queue: 'power_prob:x'; expected one of"),
        ({"exchange": {"queue": "risk_averse:2"}}, "queue: 'risk_averse:2'; expected one of"),
    ],
)
def test_what_does_not_fit_the_instrument_is_named(sections: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        core(sections)
    assert message in str(error.value)


@pytest.mark.parametrize("tick", ["0", "-0.1", "x", "nan", ""])
def test_a_tick_that_is_no_size_is_bad_input(tick: str) -> None:
    with pytest.raises(InputError, match=r"binance\.BTCUSDT: tick_size"):
        core(tick=tick)


@given(lots=st.integers(0, 10**15), exponent=st.integers(-8, 2), digits=st.integers(1, 99))
def test_whole_lots_are_found_exactly_and_nothing_else_is(lots: int, exponent: int, digits: int) -> None:
    lot = Decimal(digits).scaleb(exponent)
    assert exact("key", lots * lot, lot, "the lot") == lots
    with pytest.raises(InputError):
        exact("key", lots * lot + lot / 4, lot, "the lot")
    assert floor("key", lots * lot + lot / 4, lot) == lots


@given(tick=st.decimals("0.00000001", 1000, places=8), lot=st.decimals("0.00000001", 1000, places=8))
def test_the_value_of_a_tick_and_lot_is_exact(tick: Decimal, lot: Decimal) -> None:
    units = Units(tick=tick, lot=lot)
    assert units.value_e9 == Fraction(tick) * Fraction(lot) * 10**9 == Fraction(units.value) * 10**9


# What an operator's SET changes.

# section.key -> where 0.3 (or 3, for a count) is stored, and as what: a tick of 0.01 times a lot of 0.00001 is 1e-7
# quote
FIELDS: dict[str, tuple[str, float]] = {
    "risk.order_max_base": ("limits.order_lots_max", 30_000),
    "risk.position_max_base": ("limits.position_lots_max", 30_000),
    "risk.order_value_max_quote": ("limits.order_tick_lots_max", 3_000_000),
    "risk.notional_max_quote": ("limits.notional_tick_lots_max", 3_000_000),
    "risk.loss_session_max_quote": ("limits.loss_session_e9_max", 300_000_000),
    "risk.loss_day_max_quote": ("limits.loss_day_e9_max", 300_000_000),
    "risk.collar_bps": ("limits.collar_bps", 0.3),
    "risk.orders_per_window_max": ("limits.orders_per_window_max", 3),
    "risk.fills_per_window_max": ("limits.fills_per_window_max", 3),
    "risk.rate_halt_s": ("limits.rate_halt_ns", 300_000_000),
    "quoter.order_qty_base": ("terms.lot_lots", 30_000),
    "quoter.position_max_base": ("terms.position_lots_max", 30_000),
    "quoter.half_spread_bps_min": ("terms.half_spread_bps_min", 0.3),
    "quoter.half_spread_bps_max": ("terms.half_spread_bps_max", 0.3),
    "quoter.inventory_threshold": ("terms.inventory_threshold", 0.3),
    "quoter.inventory_skew_ticks": ("terms.inventory_skew_ticks", 0.3),
    "quoter.inventory_skew_bps": ("terms.inventory_skew_bps", 0.3),
    "quoter.levels": ("levels", 3),
    "quoter.level_step_ticks": ("level_step_ticks", 3),
    "quoter.replenish_below": ("replenish_below", 0.3),
    "fixed_spread.half_spread_ticks": ("terms.parameters.0", 0.3),
    "avellaneda_stoikov.gamma_per_tick": ("terms.parameters.0", 0.3),
    "avellaneda_stoikov.k_per_tick": ("terms.parameters.1", 0.3),
    "avellaneda_stoikov.horizon_s": ("terms.parameters.2", 0.3),
    "avellaneda_stoikov.volatility_ticks_sqrt_s": ("terms.parameters.3", 0.3),
}


def human(key: str) -> str:
    """The value of that table."""
    return "3" if FIELDS[key][1] == 3 else "0.3"


def strategy_of(section: str) -> str:
    """The strategy that is in use where a key of the section can be set."""
    return section if section in STRATEGIES else "fixed_spread"


def test_every_key_that_can_be_set_is_stored_in_its_field_exactly() -> None:
    keys = {"risk": RISK_FIELDS, "quoter": QUOTER_FIELDS} | {name: strategy_fields(name) for name in STRATEGIES}
    assert list(FIELDS) == [f"{section}.{key}" for section, each in keys.items() for key in each]
    for key, expected in FIELDS.items():
        section = key.partition(".")[0]
        setting = core({"quoter": {"strategy": strategy_of(section)}}).to_setting(key, human(key))
        assert (setting.path, setting.value) == expected


@pytest.mark.parametrize("key", FIELDS)
def test_a_set_makes_the_record_that_the_configuration_would_have_made(key: str) -> None:
    section, _, name = key.partition(".")
    before: dict[str, dict[str, Any]] = {
        "quoter": {"strategy": strategy_of(section), "position_max_base": 1},
        "risk": {"default_limits": False},  # they follow the quoter's configuration, not a SET
    }
    number = Decimal(human(key)) if name.endswith(("base", "quote")) else msgspec.json.decode(human(key))
    after = before | {section: before.get(section, {}) | {name: number}}
    made, expected = core(before), core(after)
    setting = made.to_setting(key, human(key))
    record = {"risk": made.risk, "quoter": made.quoter}[setting.node]
    untouched = record.tobytes()
    put(record, setting.path, setting.value)
    assert record.tobytes() != untouched
    assert (made.risk.tobytes(), made.quoter.tobytes()) == (expected.risk.tobytes(), expected.quoter.tobytes())


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("quoter.level", "3", "quoter.level: cannot be set while fixed_spread trades; did you mean quoter.levels?"),
        ("levels", "3", "levels: cannot be set while fixed_spread trades; expected risk, quoter, fixed_spread"),
        ("risk.levels", "3", "expected one of order_max_base, "),
        ("risk.order_max", "3", "did you mean risk.order_max_base?"),
        (
            "exchange.queue",
            "log_prob",
            "exchange.queue: cannot be set while fixed_spread trades; expected risk, quoter,",
        ),
        ("avellaneda_stoikov.gamma_per_tick", "1", "cannot be set while fixed_spread trades; expected risk, quoter,"),
        ("quoter.order_qty_base", "0.000015", "[quoter] order_qty_base: 0.000015 is not a multiple of the lot 0.00001"),
        ("quoter.levels", "17", "[quoter] levels: expected int <= 16"),
        ("risk.collar_bps", "wide", "[risk] collar_bps: expected float | null, got str"),
        ("risk.collar_bps", "null", "[risk] collar_bps: expected a number, got null"),
        ("risk.loss_day_max_quote", "-1", "[risk] loss_day_max_quote: -1; expected a decimal of 0 or more"),
        ("risk.order_max_base", "1e999999999", "[risk] order_max_base: 1E+999999999; expected 1e-40 to 1e40"),
    ],
)
def test_a_set_that_cannot_be_is_named_as_in_a_configuration(key: str, value: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        check_setting(to_config({}), instrument(), key, value)
    assert message in str(error.value)


@given(st.sampled_from([*FIELDS, "", "risk", "."]), st.text() | st.floats())
def test_any_text_is_a_setting_or_bad_input(key: str, value: str | float) -> None:
    with suppress(InputError):
        assert core().to_setting(key, str(value)).value >= 0
