"""Trading rules of exchangeInfo to an instrument definition."""

from decimal import Decimal

import msgspec

from mm_core.events import InstrumentDefined
from mm_core.types import InputError
from mm_venues.binance import wire
from mm_venues.defined import Defined
from mm_venues.frame_error import FrameError
from mm_venues.port import VenueAwayError
from mm_venues.units import plain_size, whole_units

VENUE = "binance"
LISTED = "exchangeInfo"  # where the sizes of what a venue lists come from
_MONEY_UNIT = Decimal("1e-9")
_PPM = Decimal("1e-6")
_ABSENT = wire.Filter(kind="")  # all bounds 0: off

_decoder = msgspec.json.Decoder(wire.ExchangeInfo)


def instrument_id(symbol: str) -> str:
    """Our name of a Binance symbol; also the symbol's name in stream addresses is the venue's, in lower case."""
    return f"{VENUE}.{symbol}"


def parse_exchange_info(data: bytes, symbol: str, tick_size: str = "", lot_size: str = "") -> InstrumentDefined:
    """The definition of `symbol`, with ts_ns 0: tick from PRICE_FILTER, lot from LOT_SIZE, unless they are given.

    Bounds that are no whole ticks or lots then round inward: a least one up, a greatest one down.

    FrameError if the data is no exchangeInfo, lacks the symbol, or its filters have no usable size.
    """
    try:
        listed = {info.symbol: info for info in _decoder.decode(data).symbols}
        if symbol not in listed:
            raise FrameError(f"exchangeInfo: no symbol {symbol} among its {len(listed)}")
        return _define(listed[symbol], tick_size, lot_size)
    except (msgspec.DecodeError, ValueError) as error:
        raise FrameError(f"exchangeInfo: {error}") from error


def _define(info: wire.SymbolInfo, tick_size: str, lot_size: str) -> InstrumentDefined:
    filters = {rule.kind: rule for rule in info.filters}
    for kind in ("PRICE_FILTER", "LOT_SIZE"):
        if kind not in filters:
            raise ValueError(f"{info.symbol} has no {kind}")
    price, lot = filters["PRICE_FILTER"], filters["LOT_SIZE"]
    # The venue switches a rule off by 0: then there is no grid, and an error.
    tick_size = tick_size or plain_size("tickSize", price.tick_size)
    lot_size = lot_size or plain_size("stepSize", lot.step_size)
    tick, step = Decimal(tick_size), Decimal(lot_size)
    # Symbols have one of the two; NOTIONAL replaced MIN_NOTIONAL.
    notional = filters.get("NOTIONAL") or filters.get("MIN_NOTIONAL") or _ABSENT
    return InstrumentDefined(
        instrument_id=instrument_id(info.symbol),
        ts_ns=0,
        venue_symbol=info.symbol,
        tick_size=tick_size,
        lot_size=lot_size,
        base=info.base,
        quote=info.quote,
        status=info.status,
        qty_lots_min=whole_units("minQty", lot.min_qty, step, up=True),
        qty_lots_max=_most("maxQty", lot.max_qty, step),
        price_ticks_min=whole_units("minPrice", price.min_price, tick, up=True),
        price_ticks_max=_most("maxPrice", price.max_price, tick),
        notional_e9_min=whole_units("minNotional", notional.min_notional, _MONEY_UNIT, up=True),
        notional_e9_max=_most("maxNotional", notional.max_notional, _MONEY_UNIT),
        **_deviation_ppm(filters),
        orders_max=filters.get("MAX_NUM_ORDERS", _ABSENT).max_orders,
    )


def _most(name: str, text: str, unit: Decimal) -> int:
    """A greatest value in whole units; ValueError if it is less than one, which would read as no bound."""
    count = whole_units(name, text, unit)
    if not count and Decimal(text):
        raise ValueError(f"{name} {text}: less than one unit of {unit:f}; expected a smaller tick or lot")
    return count


def _deviation_ppm(filters: dict[str, wire.Filter]) -> dict[str, int]:
    """How far a price may lie from the reference price, by side; PERCENT_PRICE bounds both alike."""
    both = filters.get("PERCENT_PRICE", _ABSENT)
    by_side = filters.get("PERCENT_PRICE_BY_SIDE")
    texts = {
        "bid_up_ppm": by_side.bid_multiplier_up if by_side else both.multiplier_up,
        "bid_down_ppm": by_side.bid_multiplier_down if by_side else both.multiplier_down,
        "ask_up_ppm": by_side.ask_multiplier_up if by_side else both.multiplier_up,
        "ask_down_ppm": by_side.ask_multiplier_down if by_side else both.multiplier_down,
    }
    return {name: whole_units(name, text, _PPM, up="_down_" in name) for name, text in texts.items()}


def listed(info: bytes, symbol: str) -> Defined:
    """The instrument of an answer. InputError where the symbol is of no use, VenueAwayError for what is no answer."""
    try:
        instrument = parse_exchange_info(info, symbol)
    except FrameError as error:
        if isinstance(error.__cause__, msgspec.DecodeError):  # a page of a proxy, or of maintenance
            raise VenueAwayError(str(error)) from error
        raise InputError(f"--symbol {symbol}: {error}") from error
    return Defined(instrument=instrument, tick_source=LISTED, lot_source=LISTED)
