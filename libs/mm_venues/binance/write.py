"""Events as the raw JSON of Binance's combined streams: key order, 8 decimals and millisecond times as on the wire."""

from decimal import Decimal

from mm_core.events import BookDelta, BookSnapshot, BookTop, InstrumentDefined, MarketEvent, Trade
from mm_core.types import Side, to_units

E8 = 100_000_000
UNIT_E8 = Decimal("1e-8")
NS_PER_MS = 1_000_000


class FrameWriter:
    """Writes the frames of one instrument. ValueError for a tick or a lot that 8 decimals cannot hold."""

    def __init__(self, instrument: InstrumentDefined) -> None:
        self._symbol = instrument.venue_symbol
        self._tick_e8 = to_units(instrument.tick_size, UNIT_E8)
        self._lot_e8 = to_units(instrument.lot_size, UNIT_E8)

    def frame(self, event: MarketEvent) -> bytes:
        """The message of one event; a BookSnapshot becomes the answer of REST, which has no stream."""
        match event:
            case BookDelta():
                return self._streamed("depth@100ms", self._depth(event))
            case Trade():
                return self._streamed("trade", self._trade(event))
            case BookTop():
                return self._streamed("bookTicker", self._book_ticker(event))
            case BookSnapshot():
                bids = self._levels(event.bid_ticks, event.bid_lots)
                asks = self._levels(event.ask_ticks, event.ask_lots)
                return f'{{"lastUpdateId":{event.update_id},"bids":{bids},"asks":{asks}}}'.encode()
            case _:
                raise AssertionError(event)

    def _streamed(self, stream: str, data: str) -> bytes:
        return f'{{"stream":"{self._symbol.lower()}@{stream}","data":{{{data}}}}}'.encode()

    def _depth(self, event: BookDelta) -> str:
        return (
            f'"e":"depthUpdate","E":{event.ts_ns // NS_PER_MS},"s":"{self._symbol}",'
            f'"U":{event.first_update_id},"u":{event.update_id},'
            f'"b":{self._levels(event.bid_ticks, event.bid_lots)},'
            f'"a":{self._levels(event.ask_ticks, event.ask_lots)}'
        )

    def _trade(self, event: Trade) -> str:
        ts_ms = event.ts_ns // NS_PER_MS
        buyer_is_maker = "true" if event.side == Side.SELL else "false"
        return (
            f'"e":"trade","E":{ts_ms},"s":"{self._symbol}","t":{event.trade_id},'
            f'"p":"{_text(event.price_ticks, self._tick_e8)}","q":"{_text(event.qty_lots, self._lot_e8)}",'
            f'"T":{ts_ms},"m":{buyer_is_maker},"M":true'
        )

    def _book_ticker(self, event: BookTop) -> str:
        return (
            f'"u":{event.update_id},"s":"{self._symbol}",'
            f'"b":"{_text(event.bid_ticks, self._tick_e8)}","B":"{_text(event.bid_lots, self._lot_e8)}",'
            f'"a":"{_text(event.ask_ticks, self._tick_e8)}","A":"{_text(event.ask_lots, self._lot_e8)}"'
        )

    def _levels(self, ticks: tuple[int, ...], lots: tuple[int, ...]) -> str:
        pairs = (
            f'["{_text(price_ticks, self._tick_e8)}","{_text(qty_lots, self._lot_e8)}"]'
            for price_ticks, qty_lots in zip(ticks, lots, strict=True)
        )
        return f"[{','.join(pairs)}]"


def _text(units: int, unit_e8: int) -> str:
    """Exact decimal text with 8 decimals."""
    whole, rest_e8 = divmod(units * unit_e8, E8)
    return f"{whole}.{rest_e8:08d}"
