"""Trading rules of exchangeInfo to an instrument definition."""

from decimal import Decimal

import msgspec

from mm_core.events import InstrumentDefined
from mm_core.types import to_units
from mm_venues.binance import wire
from mm_venues.frame_error import FrameError
from mm_venues.units import plain_size

VENUE = "binance"
_MONEY_UNIT = Decimal("1e-9")

_decoder = msgspec.json.Decoder(wire.ExchangeInfo)


def instrument_id(symbol: str) -> str:
    """Our name of a Binance symbol; also the symbol's name in stream addresses is the venue's, in lower case."""
    return f"{VENUE}.{symbol}"


def parse_exchange_info(data: bytes, symbol: str, tick_size: str = "", lot_size: str = "") -> InstrumentDefined:
    """The definition of `symbol`, with ts_ns 0: tick from PRICE_FILTER, lot from LOT_SIZE, unless they are given.

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
    lot = filters["LOT_SIZE"]
    # The venue switches a rule off by 0: then there is no grid, and an error.
    lot_size = lot_size or plain_size("stepSize", lot.step_size)
    # Symbols have one of the two; NOTIONAL replaced MIN_NOTIONAL.
    notional = filters.get("NOTIONAL") or filters.get("MIN_NOTIONAL")
    return InstrumentDefined(
        instrument_id=instrument_id(info.symbol),
        ts_ns=0,
        venue_symbol=info.symbol,
        tick_size=tick_size or plain_size("tickSize", filters["PRICE_FILTER"].tick_size),
        lot_size=lot_size,
        base=info.base,
        quote=info.quote,
        qty_lots_min=to_units(lot.min_qty, Decimal(lot_size)),
        notional_e9_min=to_units(notional.min_notional, _MONEY_UNIT) if notional else 0,
    )
