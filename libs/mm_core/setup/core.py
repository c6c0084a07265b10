"""The initial record of every part, from one configuration and one instrument.

The engine and the live nodes start from these same records; that they decide alike depends on it.
"""

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec
import numpy as np

from mm_core.accounting.account import ACCOUNT
from mm_core.book.window import FAR, NO_RANK, WIDTH
from mm_core.compiled import new
from mm_core.events import InstrumentDefined
from mm_core.exchange import queue
from mm_core.exchange.venue import VENUE
from mm_core.node import put
from mm_core.quoting.state import QUOTER
from mm_core.quoting.terms import as_strategy
from mm_core.risk.state import new_risk
from mm_core.setup.config import Config, Risk
from mm_core.setup.filters import filters_of
from mm_core.setup.refusals import fill_kinds
from mm_core.setup.settings import QUOTER_FIELDS, RISK_FIELDS, STRATEGIES, Field, Setting, strategy_fields, to_setting
from mm_core.setup.units import UNITS_MAX, Units, check_range, exact, floor, units_of
from mm_core.signals.builder import DECIDE_ON_TICK, DECIDE_ON_TOP, DECIDE_ON_TOUCH, new_builder
from mm_core.signals.executable import SIZES
from mm_core.signals.flow import FLOW_BUCKETS
from mm_core.types import MONEY_E9, InputError

NS_PER_MS = 1_000_000
NEVER_STALE_NS = 1 << 62
# Size of the book: ticks a side in its window, levels a side beyond it. Every run and node takes it from here.
BOOK_WIDTH = WIDTH
BOOK_FAR = FAR

DEFAULT_ORDER_LOTS = 100
DEFAULT_POSITION_ORDERS = 10
DEFAULT_COLLAR_BPS = 500.0
DEFAULT_LOSS_BPS = 200  # of the largest position at the first VALID mid
DEFAULT_SIZES_BASE = (Decimal("0.1"), Decimal(1), Decimal(5), Decimal(10))

DECIDE_ON = {"tick": DECIDE_ON_TICK, "touch": DECIDE_ON_TOUCH, "top": DECIDE_ON_TOP}
QUEUES = {
    "risk_averse": queue.RISK_AVERSE,
    "power_prob": queue.POWER,
    "power_prob_2": queue.POWER_2,
    "power_prob_3": queue.POWER_3,
    "log_prob": queue.LOG,
    "log_prob_2": queue.LOG_2,
}

State = np.ndarray[Any, Any]


class Core(msgspec.Struct, frozen=True, kw_only=True):
    """What a run starts from: arrays of one record each, the strategy, and what the loop itself needs.

    `to_setting(key, value)`: what an operator's SET changes; InputError for what it cannot.
    """

    builder: State
    venue: State
    quoter: State
    risk: State
    account: State
    units: Units
    strategy: Callable[..., None]
    period_ns: int
    offset_ns: int
    decide_on: int  # DECIDE_ON_TICK, _TOUCH or _TOP of `signals.builder`
    uses_top: bool  # the venue's book takes its own top, and prints
    to_setting: Callable[[str, str], Setting]


def new_core(config: Config, instrument: InstrumentDefined) -> Core:
    """The initial records. InputError names the key of an amount that is off the instrument's grid or out of bounds."""
    check_range(instrument)
    units = units_of(instrument)
    quoter = _quoter(config, units)
    return Core(
        builder=_builder(config, units),
        venue=_venue(config, units, instrument),
        quoter=quoter,
        risk=_risk(config, units, instrument, quoter),
        account=new(ACCOUNT),
        units=units,
        strategy=as_strategy(STRATEGIES[config.quoter.strategy][0]),
        period_ns=config.clock.tick_period_ms * NS_PER_MS,
        offset_ns=config.clock.offset_ns,
        decide_on=DECIDE_ON[config.book.decide_on],
        uses_top=config.exchange.venue_top,
        to_setting=partial(to_setting, config, units),
    )


def _builder(config: Config, units: Units) -> State:
    period_ms, signals = config.clock.tick_period_ms, config.signals
    if signals.volatility_sample_ms % period_ms:
        raise InputError(f"[signals] volatility_sample_ms: expected a multiple of the clock's {period_ms} ms")
    if signals.volatility_sample_ms > signals.volatility_half_life_s * 1_000:
        raise InputError("[signals] volatility_half_life_s: expected volatility_sample_ms or more")
    window_ticks, rest = divmod(signals.ofi_window_ms, period_ms)
    if rest or window_ticks >= FLOW_BUCKETS:
        raise InputError(f"[signals] ofi_window_ms: expected 0 to {FLOW_BUCKETS - 1} periods of {period_ms} ms")
    state = new_builder(BOOK_WIDTH, BOOK_FAR)
    state["stale_ns"] = config.book.stale_ms * NS_PER_MS or NEVER_STALE_NS
    state["volatility"]["sample_ns"] = signals.volatility_sample_ms * NS_PER_MS
    state["volatility"]["half_life_s"] = signals.volatility_half_life_s
    state["flow"]["window_ticks"] = window_ticks
    state["micro"]["enabled"] = signals.micro_price
    sizes_lots = _sizes_lots(config, units)
    if sizes_lots:
        state["executable"]["sizes_lots"][0, SIZES - len(sizes_lots) :] = sizes_lots
    return state


def _sizes_lots(config: Config, units: Units) -> list[int]:
    """Ascending sizes in lots; the last slots of the record hold them."""
    key, given = "[signals] executable_sizes_base", config.signals.executable_sizes_base
    if given is None:
        whole = [int(size / units.lot) for size in DEFAULT_SIZES_BASE if not size % units.lot]
        return [lots for lots in whole if lots <= UNITS_MAX]
    sizes = [exact(key, size, units.lot, "the lot", 1) for size in given]
    if len(sizes) > SIZES or sizes != sorted(sizes):
        raise InputError(f"{key}: expected at most {SIZES} sizes in ascending order")
    return sizes


def _venue(config: Config, units: Units, instrument: InstrumentDefined) -> State:
    exchange = config.exchange
    state = new(VENUE)
    cancel_ms = exchange.entry_ms if exchange.cancel_ms is None else exchange.cancel_ms
    for name, value in (("entry", exchange.entry_ms), ("cancel", cancel_ms), ("response", exchange.response_ms)):
        state[f"{name}_ns"] = exact(f"[exchange] {name}_ms", value, Decimal("0.000001"), "one nanosecond:")
    for name in ("maker", "taker"):
        state[f"{name}_fee_ppb"] = _fee_ppb(f"[exchange] {name}_fee", getattr(exchange, f"{name}_fee"))
    state["queue_model"], state["queue_power"] = _queue(exchange.queue)
    state["lot_base"] = float(units.lot)
    state["partial_fills"] = exchange.partial_fills
    state["filters"] = filters_of(instrument)
    state["value_num"] = units.value_e9.numerator
    state["value_den"] = units.value_e9.denominator
    state["best"] = NO_RANK
    return state


def _fee_ppb(key: str, rate: Decimal) -> int:
    if not rate.is_finite() or abs(rate) >= 1:
        raise InputError(f"{key}: {rate:f}; expected a rate below 1, such as 0.0002")
    return exact(key, rate, Decimal("1e-9"), "the finest rate", -MONEY_E9)


def _queue(text: str) -> tuple[int, float]:
    """Model and power of `risk_averse`, `power_prob:3`, .."""
    name, _, power = text.partition(":")
    needs_power = name.startswith("power")
    if name in QUEUES and needs_power == bool(power):
        try:
            n = float(power or 1)
        except ValueError:
            n = 0.0
        if 0.0 < n <= 100.0:
            return QUEUES[name], n
    right = ", ".join(each + (":n" if each.startswith("power") else "") for each in QUEUES)
    raise InputError(f"[exchange] queue: {text!r}; expected one of {right}, n above 0")


def _quoter(config: Config, units: Units) -> State:
    quoter = config.quoter
    if 0.0 < quoter.half_spread_bps_max < quoter.half_spread_bps_min:
        raise InputError("[quoter] half_spread_bps_max: expected 0 or half_spread_bps_min or more")
    state = new(QUOTER)
    state["cancel_pending"] = quoter.cancel_pending
    state["next_order_id"] = 1
    fill_kinds(state["refusals"])
    state["refusals"]["window_ns"] = config.risk.window_ms * NS_PER_MS
    terms = state["terms"]
    terms["lot_lots"] = DEFAULT_ORDER_LOTS
    terms["join_only"] = quoter.join_only
    _fill(state, config, "quoter", QUOTER_FIELDS, units)
    _fill(state, config, quoter.strategy, strategy_fields(quoter.strategy), units)
    if quoter.position_max_base is None:
        terms["position_lots_max"] = DEFAULT_POSITION_ORDERS * terms["lot_lots"]
    return state


def _fill(state: State, config: Config, section: str, fields: dict[str, Field], units: Units) -> None:
    """Put the values of a section that are there into a record."""
    for key, field in fields.items():
        value = getattr(getattr(config, section), key)
        if value is not None:
            put(state, field.path, field.convert(f"[{section}] {key}", value, units))


def _risk(config: Config, units: Units, instrument: InstrumentDefined, quoter: State) -> State:
    risk = config.risk
    state = new_risk()
    limits = state["limits"]
    if config.risk.default_limits:
        _default_limits(limits, config.risk, quoter)
    _fill(state, config, "risk", RISK_FIELDS, units)
    state["filters"] = filters_of(instrument)
    limits["window_ns"] = risk.window_ms * NS_PER_MS
    limits["spot"] = risk.account_mode == "spot"
    limits["base_lots"] = min(floor("[risk] base_balance", risk.base_balance, units.lot), UNITS_MAX)
    quote_tick_lots = floor("[risk] quote_balance", risk.quote_balance, units.value)
    limits["quote_tick_lots"] = min(quote_tick_lots, UNITS_MAX)
    limits["value_num"] = units.value_e9.numerator
    limits["value_den"] = units.value_e9.denominator
    return state


def _default_limits(limits: State, risk: Risk, quoter: State) -> None:
    """Limits that follow from the quoter's own parameters."""
    terms = quoter["terms"]
    limits["order_lots_max"] = terms["lot_lots"]
    # A quote that is being replaced is there twice until its cancel is known.
    most_lots = int(terms["position_lots_max"][0]) + 2 * int(quoter["levels"][0]) * int(terms["lot_lots"][0])
    limits["position_lots_max"] = min(most_lots, UNITS_MAX)
    limits["collar_bps"] = DEFAULT_COLLAR_BPS
    if risk.loss_session_max_quote is None:
        limits["loss_auto_bps"] = DEFAULT_LOSS_BPS
