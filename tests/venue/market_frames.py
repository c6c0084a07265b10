"""Frames of ETHUSDT as a test needs them: prices in ticks of 0.1 and quantities in full ETH; times in ms."""

import json
from collections.abc import Sequence

BASE_MS = 1_790_000_000_000
Levels = Sequence[tuple[int, int]]  # (ticks, quantity), 0 removes


def at_ns(at_ms: int, lag_ms: int = 5) -> int:
    """When a frame of that time is received."""
    return (BASE_MS + at_ms + lag_ms) * 1_000_000


def depth(at_ms: int, first: int, last: int, bids: Levels = (), asks: Levels = ()) -> bytes:
    """A diff."""
    event = {"e": "depthUpdate", "E": BASE_MS + at_ms, "s": "ETHUSDT", "U": first, "u": last}
    return _frame("depth@100ms", event | {"b": _levels(bids), "a": _levels(asks)})


def book(update_id: int, bids: Levels, asks: Levels) -> bytes:
    """A REST snapshot."""
    return _bytes({"lastUpdateId": update_id, "bids": _levels(bids), "asks": _levels(asks)})


def print_(at_ms: int, trade_id: int, ticks: int, *, sells: bool = True, quantity: int = 1) -> bytes:
    """A trade by a seller, or by a buyer."""
    event = {"e": "trade", "E": BASE_MS + at_ms, "s": "ETHUSDT", "t": trade_id, "T": BASE_MS + at_ms, "m": sells}
    return _frame("trade", event | {"p": _price(ticks), "q": f"{quantity}.00000000"})


def top(update_id: int, bid: tuple[int, int], ask: tuple[int, int]) -> bytes:
    """The venue's own touch."""
    prices = {"b": _price(bid[0]), "B": str(bid[1]), "a": _price(ask[0]), "A": str(ask[1])}
    return _frame("bookTicker", {"u": update_id, "s": "ETHUSDT"} | prices)


def info(
    status: str = "TRADING", tick: str = "0.1", lot: str = "0.001", notional: str = "5", symbol: str = "ETHUSDT"
) -> bytes:
    """ExchangeInfo of one symbol."""
    filters = [
        {"filterType": "PRICE_FILTER", "tickSize": tick},
        {"filterType": "LOT_SIZE", "minQty": lot, "stepSize": lot},
        {"filterType": "NOTIONAL", "minNotional": notional},
    ]
    listed = {"symbol": symbol, "status": status, "baseAsset": "ETH", "quoteAsset": "USDT", "filters": filters}
    return _bytes({"symbols": [listed]})


def _levels(levels: Levels) -> list[list[str]]:
    return [[_price(ticks), f"{quantity}.00000000"] for ticks, quantity in levels]


def _price(ticks: int) -> str:
    return f"{ticks // 10}.{ticks % 10}0000000"


def _frame(channel: str, event: dict[str, object]) -> bytes:
    return _bytes({"stream": f"ethusdt@{channel}", "data": event})


def _bytes(value: object) -> bytes:
    return json.dumps(value).encode()
