"""What a configuration means for an instrument before it starts: what can never quote, which of two limits binds."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from mm_core.events import InstrumentDefined
from mm_core.setup.config import Config
from mm_core.setup.core import new_core
from mm_core.setup.units import Units, units_of
from mm_core.types import INT64_MAX, InputError, from_units


def start_notes(config: Config, instrument: InstrumentDefined) -> list[str]:
    """One line each. InputError for a configuration that can never quote."""
    core = new_core(config, instrument)
    limits, terms = core.risk["limits"][0], core.quoter["terms"][0]
    units = units_of(instrument)
    _refuse_sizes(int(core.risk["filters"]["lots_min"][0]), limits, terms, units)
    _refuse_spread(config, limits)
    _refuse_empty(config)
    notes = [_defaults(config, limits, units), *_sizes(config, instrument, limits, terms, units), *_money(config)]
    return [note for note in [*notes, *_spreads(config), *_rates(config), *_balances(config)] if note]


def _refuse_sizes(least: int, limits: Any, terms: Any, units: Units) -> None:
    smallest = f"is below the venue's smallest order {_base(least, units)}: none would be let through"
    for key, lots in (
        ("[quoter] order_qty_base", terms["lot_lots"]),
        ("[risk] order_max_base", limits["order_lots_max"]),
        ("[risk] position_max_base", limits["position_lots_max"]),
    ):
        if lots < least:
            raise InputError(f"{key}: {_base(lots, units)} {smallest}; expected {_base(least, units)} or more")


def _refuse_spread(config: Config, limits: Any) -> None:
    least_bps, collar_bps = config.quoter.half_spread_bps_min, float(limits["collar_bps"])
    if 0.0 < collar_bps < least_bps:
        raise InputError(
            f"[quoter] half_spread_bps_min: {least_bps:g} is beyond [risk] collar_bps {collar_bps:g}: every order "
            f"would be denied; expected less than {collar_bps:g}"
        )


def _refuse_empty(config: Config) -> None:
    risk = config.risk
    for key in ("order_value_max_quote", "notional_max_quote"):
        if getattr(risk, key) == 0:
            raise InputError(f"[risk] {key}: 0 lets no order through; expected more than 0")
    if risk.account_mode == "spot" and not (risk.base_balance or risk.quote_balance):
        raise InputError(
            "[risk] account_mode spot: base_balance and quote_balance are 0, so that no order would be let through; "
            "expected one of them"
        )


def _defaults(config: Config, limits: Any, units: Units) -> str:
    """The limits that were not given, in one line."""
    risk = config.risk
    loss = f"loss of the session {limits['loss_auto_bps'] / 100:g} % of the largest position's value at the first mid"
    values = {
        "order_max_base": f"order {_base(limits['order_lots_max'], units)}",
        "position_max_base": f"position {_base(limits['position_lots_max'], units)}",
        "collar_bps": f"collar {limits['collar_bps']:g} bps",
        "loss_session_max_quote": loss,
    }
    absent = [text for key, text in values.items() if risk.default_limits and getattr(risk, key) is None]
    return f"limits by default ([risk] default_limits): {', '.join(absent)}" if absent else ""


def _sizes(config: Config, instrument: InstrumentDefined, limits: Any, terms: Any, units: Units) -> Iterator[str]:
    """Sizes of an order and of the position that are bounded twice."""
    quoter, risk = config.quoter, config.risk
    target, most = int(terms["lot_lots"]), int(limits["order_lots_max"])
    if most < target:
        yield (
            f"order size: [risk] order_max_base {_base(most, units)} binds; "
            f"[quoter] order_qty_base {_base(target, units)} is cut to it"
        )
    if 0 < instrument.qty_lots_max < min(target, most):
        yield f"order size: the venue's largest order {_base(instrument.qty_lots_max, units)} binds"
    if quoter.position_max_base is None or risk.position_max_base is None:
        return
    quoted, held = (
        f"[quoter] position_max_base {quoter.position_max_base:f}",
        f"[risk] position_max_base {risk.position_max_base:f}",
    )
    if risk.position_max_base < quoter.position_max_base:
        yield f"position: {held} binds; orders that {quoted} would place beyond it are cut or denied"
    else:
        yield f"position: {quoted} binds; {held} only stops what is still in flight then"


def _money(config: Config) -> Iterator[str]:
    """Limits in the quote against those in the base: the price decides which binds."""
    risk = config.risk
    order = config.quoter.order_qty_base if risk.order_max_base is None else risk.order_max_base
    for what, value_key, value, base_key, base in (
        ("order size", "order_value_max_quote", risk.order_value_max_quote, "the order's size", order),
        ("position", "notional_max_quote", risk.notional_max_quote, "position_max_base", risk.position_max_base),
    ):
        if value is not None and base:
            price = _price(value / base)
            yield f"{what}: [risk] {value_key} {value:f} binds at prices above {price}, below it {base_key} {base:f}"
    session, day = risk.loss_session_max_quote, risk.loss_day_max_quote
    if session is not None and day is not None:
        (first, least), (other, most) = sorted((("session", session), ("day", day)), key=lambda each: each[1])
        binds = f"[risk] loss_{first}_max_quote {least:f} binds on the first day"
        yield f"loss: {binds}, not loss_{other}_max_quote {most:f}"


def _spreads(config: Config) -> Iterator[str]:
    most_bps, collar_bps = config.quoter.half_spread_bps_max, config.risk.collar_bps
    if collar_bps is not None and most_bps > collar_bps:
        yield (
            f"half-spread: [risk] collar_bps {collar_bps:g} binds; quotes beyond it, up to [quoter] "
            f"half_spread_bps_max {most_bps:g}, are denied"
        )


def _rates(config: Config) -> Iterator[str]:
    most, orders = config.risk.orders_per_window_max, 2 * config.quoter.levels
    if most is not None and most < orders:
        yield f"order rate: [risk] orders_per_window_max {most} is fewer than the {orders} orders of one decision"


def _balances(config: Config) -> Iterator[str]:
    risk = config.risk
    if risk.account_mode == "spot" and not risk.base_balance:
        yield "balance: [risk] base_balance is 0: no sell until a buy has filled"
    if risk.account_mode == "spot" and not risk.quote_balance:
        yield "balance: [risk] quote_balance is 0: no buy until a sell has filled"


def _base(lots: int, units: Units) -> str:
    return "no limit" if lots == INT64_MAX else f"{from_units(int(lots), units.lot).normalize():f}"


def _price(price: Decimal) -> str:
    return f"{price.quantize(Decimal('1.00000000')).normalize():f}"
