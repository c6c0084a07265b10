"""What REST answers: parameters checked and refused as Binance does, replies from the markets. Pure."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from mm_core.events import InstrumentDefined
from mm_core.types import from_units
from mm_venues.binance.venue.market import Market

# Asset names at the end of a symbol, the longer first; a recording does not show where the base ends.
QUOTES = ("FDUSD", "USDT", "USDC", "TUSD", "BTC", "ETH", "BNB", "EUR", "TRY", "BRL", "JPY", "USD")
ORDER_TYPES = ("LIMIT", "LIMIT_MAKER", "MARKET")
PRICE_MAX = QUANTITY_MAX = "9000000.00000000"
DEPTH_LIMIT, DEPTH_LIMIT_MAX = 100, 5_000
TRADES_LIMIT, TRADES_LIMIT_MAX = 500, 1_000
_SYMBOL = re.compile(r"[A-Z0-9-_.]{1,20}")
_LIMIT = re.compile(r"[0-9]{1,20}")
_RATE_LIMITS = (
    ("REQUEST_WEIGHT", "MINUTE", 1, 6_000),
    ("ORDERS", "SECOND", 10, 100),
    ("ORDERS", "DAY", 1, 200_000),
    ("RAW_REQUESTS", "MINUTE", 5, 300_000),
)
BAD_REQUEST = 400

Query = Mapping[str, str]
Markets = Mapping[str, Market]


class RestRefusedError(Exception):
    """A request that the venue refuses: HTTP status, code and text."""

    def __init__(self, code: int, message: str, status: int = BAD_REQUEST) -> None:
        super().__init__(message)
        self.status = status
        self.body = msgspec.json.encode({"code": code, "msg": message})


def the_market(markets: Markets, query: Query) -> Market:
    """The market that a request names."""
    if not query.get("symbol"):
        raise RestRefusedError(-1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.")
    return _known(markets, query["symbol"], "symbol")


def _known(markets: Markets, symbol: str, parameter: str) -> Market:
    if not _SYMBOL.fullmatch(symbol):
        raise RestRefusedError(
            -1100, f"Illegal characters found in parameter '{parameter}'; legal range is '^{_SYMBOL.pattern}$'."
        )
    if symbol not in markets:
        raise RestRefusedError(-1121, "Invalid symbol.")
    return markets[symbol]


def the_limit(query: Query, default: int, most: int) -> int:
    """The limit of a request; more than the most is the most."""
    text = query.get("limit", str(default))
    if not _LIMIT.fullmatch(text):
        raise RestRefusedError(
            -1100, f"Illegal characters found in parameter 'limit'; legal range is '^{_LIMIT.pattern}$'."
        )
    if not int(text):
        raise RestRefusedError(-1130, "Data sent for parameter 'limit' is not valid.")
    return min(int(text), most)


def depth_weight(limit: int) -> int:
    """What a snapshot costs."""
    return next(weight for levels, weight in ((100, 5), (500, 25), (1_000, 50), (5_000, 250)) if limit <= levels)


def requested_markets(markets: Markets, query: Query) -> list[Market]:
    """The markets of `symbol`, of `symbols`, or all."""
    if "symbol" in query:
        return [the_market(markets, query)]
    if "symbols" not in query:
        return list(markets.values())
    try:
        symbols = msgspec.json.decode(query["symbols"], type=list[str])
    except msgspec.DecodeError as error:
        expected = 'legal range is \'^\\[("[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}"){0,}){0,1}\\]$\''
        raise RestRefusedError(-1100, f"Illegal characters found in parameter 'symbols'; {expected}.") from error
    return [_known(markets, symbol, "symbols") for symbol in symbols]


def exchange_info(markets: list[Market], server_ms: int) -> bytes:
    """The trading rules: those that a recording knows, and else the widest."""
    names = ("rateLimitType", "interval", "intervalNum", "limit")
    return msgspec.json.encode(
        {
            "timezone": "UTC",
            "serverTime": server_ms,
            "rateLimits": [dict(zip(names, limit, strict=True)) for limit in _RATE_LIMITS],
            "exchangeFilters": [],
            "symbols": [_symbol_info(market.instrument) for market in markets],
        }
    )


def _symbol_info(instrument: InstrumentDefined) -> dict[str, Any]:
    base, quote = _assets(instrument)
    return {
        "symbol": instrument.venue_symbol,
        "status": "TRADING",
        "baseAsset": base,
        "baseAssetPrecision": 8,
        "quoteAsset": quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": ORDER_TYPES,
        "icebergAllowed": False,
        "ocoAllowed": False,
        "otoAllowed": False,
        "quoteOrderQtyMarketAllowed": False,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": _filters(instrument),
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": ["EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"],
    }


def _filters(instrument: InstrumentDefined) -> list[dict[str, Any]]:
    """PRICE_FILTER first: there are clients that read the tick from the first filter."""
    tick, lot = (f"{Decimal(size):.8f}" for size in (instrument.tick_size, instrument.lot_size))
    least = f"{from_units(max(instrument.qty_lots_min, 1), Decimal(instrument.lot_size)):.8f}"
    notional = f"{from_units(instrument.notional_e9_min, Decimal('1e-9')):.8f}"
    return [
        {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": PRICE_MAX, "tickSize": tick},
        {"filterType": "LOT_SIZE", "minQty": least, "maxQty": QUANTITY_MAX, "stepSize": lot},
        {
            "filterType": "NOTIONAL",
            "minNotional": notional,
            "applyMinToMarket": True,
            "maxNotional": PRICE_MAX,
            "applyMaxToMarket": False,
            "avgPriceMins": 5,
        },
    ]


def _assets(instrument: InstrumentDefined) -> tuple[str, str]:
    if instrument.base:
        return instrument.base, instrument.quote
    symbol = instrument.venue_symbol
    quote = next((quote for quote in QUOTES if symbol.endswith(quote) and symbol != quote), "")
    return (symbol.removesuffix(quote), quote) if quote else (symbol, "USD")


def trades(market: Market, limit: int) -> bytes:
    """The last trades, the newest at the end."""
    return msgspec.json.encode([_trade(each) for each in list(market.trades)[-limit:]])


def _trade(frame: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": frame["t"],
        "price": frame["p"],
        "qty": frame["q"],
        "quoteQty": f"{Decimal(frame['p']) * Decimal(frame['q']):.8f}",
        "time": frame["T"],
        "isBuyerMaker": frame["m"],
        "isBestMatch": True,
    }


def tops(markets: list[Market], *, is_one: bool) -> bytes:
    """The best bid and ask that the venue sent last, of one market or as a list."""
    names = {"bidPrice": "b", "bidQty": "B", "askPrice": "a", "askQty": "A"}
    tickers = [
        {"symbol": market.symbol} | {name: market.top.get(key, "0.00000000") for name, key in names.items()}
        for market in markets
    ]
    return msgspec.json.encode(tickers[0] if is_one else tickers)
