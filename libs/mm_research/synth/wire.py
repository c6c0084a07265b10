"""Events as the raw JSON of Binance's combined streams: key order, 8 decimals and millisecond times as on the wire."""

from decimal import Decimal

from mm_core.events import BookDelta, BookSnapshot, BookTop, MarketEvent, Trade
from mm_core.types import Side
from mm_research.synth.params import Params

E8 = 100_000_000
UNIT_E8 = Decimal("1e-8")
NS_PER_MS = 1_000_000


def raw_json(params: Params, event: MarketEvent) -> str:
    """The message of one event; a BookSnapshot becomes the answer of REST, which has no stream."""
    match event:
        case BookDelta():
            return _streamed(params, "depth@100ms", _depth(params, event))
        case Trade():
            return _streamed(params, "trade", _trade(params, event))
        case BookTop():
            return _streamed(params, "bookTicker", _book_ticker(params, event))
        case BookSnapshot():
            bids = _levels(params, event.bid_ticks, event.bid_lots)
            asks = _levels(params, event.ask_ticks, event.ask_lots)
            return f'{{"lastUpdateId":{event.update_id},"bids":{bids},"asks":{asks}}}'
        case _:
            raise AssertionError(event)


def _streamed(params: Params, stream: str, data: str) -> str:
    return f'{{"stream":"{params.symbol.lower()}@{stream}","data":{{{data}}}}}'


def _depth(params: Params, event: BookDelta) -> str:
    return (
        f'"e":"depthUpdate","E":{event.ts_ns // NS_PER_MS},"s":"{params.symbol}",'
        f'"U":{event.first_update_id},"u":{event.update_id},'
        f'"b":{_levels(params, event.bid_ticks, event.bid_lots)},'
        f'"a":{_levels(params, event.ask_ticks, event.ask_lots)}'
    )


def _trade(params: Params, event: Trade) -> str:
    ts_ms = event.ts_ns // NS_PER_MS
    buyer_is_maker = "true" if event.side == Side.SELL else "false"
    return (
        f'"e":"trade","E":{ts_ms},"s":"{params.symbol}","t":{event.trade_id},'
        f'"p":"{_text(event.price_ticks, params.tick_e8)}","q":"{_text(event.qty_lots, params.lot_e8)}",'
        f'"T":{ts_ms},"m":{buyer_is_maker},"M":true'
    )


def _book_ticker(params: Params, event: BookTop) -> str:
    return (
        f'"u":{event.update_id},"s":"{params.symbol}",'
        f'"b":"{_text(event.bid_ticks, params.tick_e8)}","B":"{_text(event.bid_lots, params.lot_e8)}",'
        f'"a":"{_text(event.ask_ticks, params.tick_e8)}","A":"{_text(event.ask_lots, params.lot_e8)}"'
    )


def _levels(params: Params, ticks: tuple[int, ...], lots: tuple[int, ...]) -> str:
    pairs = (
        f'["{_text(price_ticks, params.tick_e8)}","{_text(qty_lots, params.lot_e8)}"]'
        for price_ticks, qty_lots in zip(ticks, lots, strict=True)
    )
    return f"[{','.join(pairs)}]"


def _text(units: int, unit_e8: int) -> str:
    """Exact decimal text with 8 decimals."""
    whole, rest_e8 = divmod(units * unit_e8, E8)
    return f"{whole}.{rest_e8:08d}"
