"""The configuration of a run: human units, named in the key; the constraints are in the types.

Amounts are decimals (in TOML a number or a text) and become integer ticks, lots and nanoseconds exactly, in
`setup.core`. A limit that is absent does not bind, but for the four that `[risk] default_limits` gives a value.
"""

import difflib
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from mm_core.types import InputError

REGULAR_FEE = Decimal("0.001")  # of the default venue, maker and taker, without a discount
Millis = Annotated[int, Meta(ge=1, le=10**11)]
Count = Annotated[int, Meta(ge=0, le=10**12)]
RateMax = Annotated[int, Meta(ge=1, le=255)]  # what the gate can count
Levels = Annotated[int, Meta(ge=1, le=16)]  # orders a side that the quoter can hold
Real = Annotated[float, Meta(ge=0.0, le=1e15)]
Fraction = Annotated[float, Meta(ge=0.0, le=1.0)]
Positive = Annotated[float, Meta(gt=0.0, le=1e15)]


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the sections."""


class Clock(Section, frozen=True, kw_only=True):
    """`offset_ns` is added to our wall clock to give the exchange's."""

    tick_period_ms: Millis = 100
    offset_ns: Annotated[int, Meta(ge=-(10**18), le=10**18)] = 0


class Book(Section, frozen=True, kw_only=True):
    """A book is STALE after `stale_ms` of silence (0: never).

    Decisions come with the clock; with `decide_on = "touch"` at every change of the depth's touch too; with "top" also
    at every change of the venue's own top (bookTicker), which is then the touch until newer depth comes.
    """

    stale_ms: Count = 60_000
    decide_on: Literal["tick", "touch", "top"] = "tick"


class Signals(Section, frozen=True, kw_only=True):
    """What is computed at each tick of the clock; a sample or window of 0 ms turns a signal off.

    Sizes of the executable spread: at most four, ascending; absent: those of 0.1, 1, 5, 10 that are whole lots.
    """

    volatility_sample_ms: Count = 1_000
    volatility_half_life_s: Positive = 30.0
    ofi_window_ms: Count = 10_000
    micro_price: bool = True
    executable_sizes_base: tuple[Decimal, ...] | None = None


class Quoter(Section, frozen=True, kw_only=True):
    """What all strategies share.

    `order_qty_base` absent is 100 lots, `position_max_base` absent 10 orders. The half-spread is bounded in bps of the
    fair price (max 0: no bound). Beyond `inventory_threshold` orders the pair is skewed by `inventory_skew_ticks` and
    by `inventory_skew_bps` of the fair price an order.
    What rests at a target price is replenished where less than the share `replenish_below` is left (0: never).
    """

    strategy: Literal["fixed_spread", "avellaneda_stoikov"] = "fixed_spread"
    order_qty_base: Decimal | None = None
    levels: Levels = 1
    level_step_ticks: Annotated[int, Meta(ge=1, le=10**9)] = 1
    half_spread_bps_min: Real = 0.0
    half_spread_bps_max: Real = 0.0
    join_only: bool = False
    position_max_base: Decimal | None = None
    inventory_threshold: Real = 0.0
    inventory_skew_ticks: Real = 0.0
    inventory_skew_bps: Real = 0.0
    cancel_pending: bool = False
    replenish_below: Fraction = 0.25


class FixedSpread(Section, frozen=True, kw_only=True):
    """Parameters of `mm_core.quoting.fixed_spread`."""

    half_spread_ticks: Real = 1.0


class AvellanedaStoikov(Section, frozen=True, kw_only=True):
    """Parameters of `mm_core.quoting.avellaneda_stoikov`; gamma is per order. Volatility 0: the book's own estimate."""

    gamma_per_tick: Real = 0.05
    k_per_tick: Positive = 0.5
    horizon_s: Real = 5.0
    volatility_ticks_sqrt_s: Real = 0.0


class Risk(Section, frozen=True, kw_only=True):
    """Limits of the gate. `window_ms` is the window of both rates; the balances count in account mode spot only.

    Both rates count orders: fills_per_window_max those that were filled, each at its first fill, however many prints
    fill it. A halt by that rate ends by itself after `rate_halt_s`; 0: the operator ends it, as any halt by a loss.

    With `default_limits` an absent order_max_base is the quoter's order, position_max_base the quoter's and two quotes
    a level, collar_bps 500, and loss_session_max_quote 2 % of position_max_base at the first VALID mid.
    """

    default_limits: bool = True
    order_max_base: Decimal | None = None
    order_value_max_quote: Decimal | None = None
    position_max_base: Decimal | None = None
    notional_max_quote: Decimal | None = None
    loss_session_max_quote: Decimal | None = None
    loss_day_max_quote: Decimal | None = None
    collar_bps: Positive | None = None
    orders_per_window_max: RateMax | None = None
    fills_per_window_max: RateMax | None = None
    rate_halt_s: Decimal = Decimal(60)
    window_ms: Millis = 1_000
    account_mode: Literal["margin", "spot"] = "margin"
    base_balance: Decimal = Decimal(0)
    quote_balance: Decimal = Decimal(0)


class Exchange(Section, frozen=True, kw_only=True):
    """Latencies, queue model and fees (default: regular) of the paper exchange. `cancel_ms` absent is `entry_ms`.

    With `venue_top` its book takes the venue's own top (bookTicker), where the feed has it, and prints in between depth
    events: for the post-only check, for crossing and for the touch.
    """

    entry_ms: Decimal = Decimal(10)
    cancel_ms: Decimal | None = None
    response_ms: Decimal = Decimal(10)
    queue: str = "risk_averse"
    partial_fills: bool = True
    venue_top: bool = True
    maker_fee: Decimal = REGULAR_FEE
    taker_fee: Decimal = REGULAR_FEE


class Config(Section, frozen=True, kw_only=True):
    """All sections; every key has a default."""

    clock: Clock = Clock()
    book: Book = Book()
    signals: Signals = Signals()
    quoter: Quoter = Quoter()
    fixed_spread: FixedSpread = FixedSpread()
    avellaneda_stoikov: AvellanedaStoikov = AvellanedaStoikov()
    risk: Risk = Risk()
    exchange: Exchange = Exchange()


CLOSE = "did you mean"
AnyConfig = TypeVar("AnyConfig", bound=Config)


def to_config(
    sections: Mapping[str, Any],
    kind: type[AnyConfig] = Config,  # type: ignore[assignment]
    *,
    strict: bool = True,
) -> AnyConfig:
    """The configuration of nested mappings, as a TOML file gives them; of `kind`, a Config with more sections.

    Unless `strict`, a number may be a text.

    InputError for an unknown key, with the nearest right one, and for a value out of its bounds.
    """
    known = section_keys(kind)
    for section, keys in sections.items():
        if section not in known:
            raise InputError(f"[{section}]: unknown section; {nearest(section, list(known), '[{}]')}")
        if not isinstance(keys, Mapping):
            raise InputError(f"{section}: expected a section [{section}] with keys")
        for key, value in keys.items():
            if isinstance(value, Mapping):
                raise InputError(f"[{section}.{key}]: a section inside of [{section}]; expected keys with values")
            if key not in known[section]:
                raise InputError(f"[{section}] {key}: unknown key; {_suggestion(section, key, known)}")
            _check_choice(kind, section, key, value)
    try:
        return msgspec.convert(sections, kind, strict=strict)
    except msgspec.ValidationError as error:
        raise InputError(_located(str(error))) from error


def _check_choice(kind: type[Config], section: str, key: str, value: Any) -> None:
    """InputError for a value that is none of a key's choices."""
    types = get_type_hints(next(each.type for each in msgspec.structs.fields(kind) if each.name == section))
    if get_origin(types[key]) is Literal and value not in get_args(types[key]):
        raise InputError(f"[{section}] {key}: {value!r}; expected one of {', '.join(get_args(types[key]))}")


def section_keys(kind: type[Config]) -> dict[str, tuple[str, ...]]:
    """The sections of a configuration and the keys of each."""
    return {section.name: section.type.__struct_fields__ for section in msgspec.structs.fields(kind)}


def _suggestion(section: str, key: str, known: Mapping[str, tuple[str, ...]]) -> str:
    elsewhere = [name for name, keys in known.items() if key in keys]
    close = nearest(key, list(known[section]), f"[{section}] {{}}")
    if elsewhere and not close.startswith(CLOSE):
        return f"expected it in {' or '.join(f'[{name}]' for name in elsewhere)}"
    return close


def nearest(name: str, names: list[str], form: str) -> str:
    """The end of a message about a wrong name: the right one if one is near, in a form such as `[{}]`, else all."""
    close = difflib.get_close_matches(name, names, 1, 0.7)
    if close:
        return f"{CLOSE} {form.format(close[0])}?"
    return f"expected one of {', '.join(names)}"


def _located(error: str) -> str:
    """Turn msgspec's ``Expected `int` - at `$.risk.window_ms` `` into `[risk] window_ms: expected int`."""
    what, _, where = error.partition(" - at `$.")
    names = re.sub(r"\[\.*\d*\]", "", where.rstrip("`")).split(".")
    what = what.replace("`", "").replace("Invalid decimal string", "expected a decimal number")
    return f"[{names[0]}] {' '.join(names[1:])}: {what[:1].lower()}{what[1:]}"
