"""The keys of the configuration that are one number of a node's record: at the start, and by SET while it runs.

One table and one conversion for both, so that a SET means what the same key means in a file. What a SET changed is in
the record, and so in its checkpoint. A limit that was absent can be set; none can be taken away, only set wide.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from mm_core.events import InstrumentDefined
from mm_core.quoting import avellaneda_stoikov, fixed_spread
from mm_core.setup.config import Config, nearest, to_config
from mm_core.setup.units import Units, exact, floor, money_e9, units_of
from mm_core.types import NS_PER_S, InputError

QUOTER = "quoter"
RISK = "risk"

STRATEGIES: dict[str, tuple[Callable[..., None], tuple[str, ...]]] = {
    fixed_spread.NAME: (fixed_spread.fixed_spread, fixed_spread.PARAMETER_NAMES),
    avellaneda_stoikov.NAME: (avellaneda_stoikov.avellaneda_stoikov, avellaneda_stoikov.PARAMETER_NAMES),
}


def _lots(key: str, value: Decimal, units: Units) -> int:
    return exact(key, value, units.lot, "the lot")


def _some_lots(key: str, value: Decimal, units: Units) -> int:
    return exact(key, value, units.lot, "the lot", 1)


def _tick_lots(key: str, value: Decimal, units: Units) -> int:
    return floor(key, value, units.value)


def _money_e9(key: str, value: Decimal, _: Units) -> int:
    return money_e9(key, value)


def _seconds_ns(key: str, value: Decimal, _: Units) -> int:
    return exact(key, value, Decimal(1) / NS_PER_S, "one nanosecond:")


def _number(_: str, value: float, __: Units) -> int | float:
    return value


class Field(NamedTuple):
    """Where the value of a key is stored (a path for `mm_core.node.put`), and its conversion from human units."""

    path: str
    convert: Callable[[str, Any, Units], int | float]


RISK_FIELDS = {
    "order_max_base": Field("limits.order_lots_max", _lots),
    "position_max_base": Field("limits.position_lots_max", _lots),
    "order_value_max_quote": Field("limits.order_tick_lots_max", _tick_lots),
    "notional_max_quote": Field("limits.notional_tick_lots_max", _tick_lots),
    "loss_session_max_quote": Field("limits.loss_session_e9_max", _money_e9),
    "loss_day_max_quote": Field("limits.loss_day_e9_max", _money_e9),
    "collar_bps": Field("limits.collar_bps", _number),
    "orders_per_window_max": Field("limits.orders_per_window_max", _number),
    "fills_per_window_max": Field("limits.fills_per_window_max", _number),
    "rate_halt_s": Field("limits.rate_halt_ns", _seconds_ns),
}
QUOTER_FIELDS = {
    "order_qty_base": Field("terms.lot_lots", _some_lots),
    "position_max_base": Field("terms.position_lots_max", _some_lots),
    "half_spread_bps_min": Field("terms.half_spread_bps_min", _number),
    "half_spread_bps_max": Field("terms.half_spread_bps_max", _number),
    "inventory_threshold": Field("terms.inventory_threshold", _number),
    "inventory_skew_ticks": Field("terms.inventory_skew_ticks", _number),
    "inventory_skew_bps": Field("terms.inventory_skew_bps", _number),
    "levels": Field("levels", _number),
    "level_step_ticks": Field("level_step_ticks", _number),
    "replenish_below": Field("replenish_below", _number),
}


def strategy_fields(strategy: str) -> dict[str, Field]:
    """The keys of a strategy's own section."""
    return {name: Field(f"terms.parameters.{i}", _number) for i, name in enumerate(STRATEGIES[strategy][1])}


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """One number of the record of the node `node`."""

    node: str
    path: str
    value: int | float


def to_setting(config: Config, units: Units, key: str, text: str) -> Setting:
    """What a SET of `key` (`section.key`) to `text` changes in a session of this configuration.

    InputError for a key that cannot be set, with the nearest right one, and for a value that the configuration would
    not take. It is not compared with other keys: of two bounds that cross, the upper one holds.
    """
    sections = {"risk": (RISK, RISK_FIELDS), "quoter": (QUOTER, QUOTER_FIELDS)}
    sections[config.quoter.strategy] = (QUOTER, strategy_fields(config.quoter.strategy))
    section, _, name = key.partition(".")
    node, fields = sections.get(section, ("", {}))
    if name not in fields:
        right = (
            nearest(name, list(fields), f"{section}.{{}}")
            if fields
            else f"expected {', '.join(sections)} and their keys"
        )
        raise InputError(f"{key}: cannot be set while {config.quoter.strategy} trades; {right}")
    value = getattr(getattr(to_config({section: {name: text}}, strict=False), section), name)
    if value is None:
        raise InputError(f"[{section}] {name}: expected a number, got {text}")
    return Setting(node=node, path=fields[name].path, value=fields[name].convert(f"[{section}] {name}", value, units))


def check_setting(config: Config, instrument: InstrumentDefined, key: str, value: str) -> None:
    """InputError where a SET of `key` to `value` would change nothing; see `to_setting`."""
    to_setting(config, units_of(instrument), key, value)
