"""Binance Spot frames to events: pure, exact, strict.

A frame comes raw (`{"e": ..}`) or combined (`{"stream": .., "data": ..}`). It is either a fact, or counted as a kind
that we do not use, or a FrameError. Which frames exist and how we know: README.md.

Prices, and quantities of trades, must be multiples of tick and lot. Quantities of book levels need not: a level may
hold an order from before the lot size was raised. Such a level counts in full lots, and `off_lot_levels` counts it.
"""

from collections.abc import Callable

import msgspec

from mm_core.events import BookDelta, BookSnapshot, BookTop, InstrumentDefined, Trade
from mm_core.types import Side
from mm_venues import control
from mm_venues.binance import wire
from mm_venues.binance.listing import read_listing
from mm_venues.frame_error import FrameError, OffGridError
from mm_venues.units import Units

# `Disconnected` is our own: between the frames, the client records what happened to the connection.
MarketFact = BookDelta | BookSnapshot | BookTop | Trade | InstrumentDefined | control.Disconnected

PRICE_TICKS_MAX = 2**31 - 1  # what a tape and the engine's rows hold
_MS_DIGITS = 13
_US_DIGITS = 16

_envelope = msgspec.json.Decoder(wire.Envelope)
_depth = msgspec.json.Decoder(wire.Depth)
_trade = msgspec.json.Decoder(wire.Trade)
_agg_trade = msgspec.json.Decoder(wire.AggTrade)
_ticker = msgspec.json.Decoder(wire.BookTicker)
_levels = msgspec.json.Decoder(wire.DepthSnapshot)

_DEPTH_KINDS = ("depth", "depth@100ms", "depth@1000ms")


def to_ns(time: int) -> int:
    """Nanoseconds of a time in ms or us, by its number of digits. ValueError if it has neither 13 nor 16."""
    digits = len(str(time))
    if digits == _MS_DIGITS:
        return time * 1_000_000
    if digits == _US_DIGITS:
        return time * 1_000
    raise ValueError(f"time {time}: expected 13 digits (ms) or 16 digits (us)")


class Parser:
    """Frames of one instrument. A price above `price_ticks_max` is an error."""

    def __init__(self, instrument: InstrumentDefined, price_ticks_max: int = PRICE_TICKS_MAX) -> None:
        self.instrument_id = instrument.instrument_id
        self.symbol = instrument.venue_symbol
        self._ticks = Units("price", instrument.tick_size, price_ticks_max).count
        self._quantity = Units("quantity", instrument.lot_size)
        self._lots = self._quantity.whole
        self._stream_kinds: dict[str, str] = {}
        self._readers: dict[str, Callable[[int, bytes | msgspec.Raw, int], MarketFact | None]] = {
            "depthUpdate": self._read_depth,
            "trade": self._read_trade,
            "aggTrade": self._read_agg_trade,
            "bookTicker": self._read_ticker,
            "snapshot": self._read_snapshot,
            "partialDepth": self._check_partial,
            "exchangeInfo": self._read_listing,
            control.DISCONNECTED: _read_disconnected,
        }

    @property
    def off_lot_levels(self) -> int:
        """How many level quantities were no whole number of lots."""
        return self._quantity.off_grid

    def parse(self, recv_ns: int, frame: bytes, depth_ns: int) -> tuple[str, MarketFact | None]:
        """The kind of a frame and its fact; None for the kinds that we only count.

        `recv_ns` is when the frame came. `depth_ns` is the last E of the depth feed, the time that bookTicker and
        snapshot take over (0 before any). FrameError if the frame is no fact.
        """
        kind = "frame"
        try:
            envelope = _envelope.decode(frame)
            if envelope.stream:
                kind = self._stream_kinds.get(envelope.stream) or self._kind_of_stream(envelope.stream)
                body: bytes | msgspec.Raw = envelope.data
            else:
                kind = _kind_of_raw(envelope)
                body = frame
            read = self._readers.get(kind)
            return kind, read(recv_ns, body, depth_ns) if read else None
        except FrameError:
            raise
        except RecursionError as error:
            raise FrameError(f"{kind} of {self.symbol}: nested too deeply; expected an event of the venue") from error
        except (msgspec.DecodeError, ValueError) as error:
            bad = FrameError(f"{kind} of {self.symbol}: {error}")
            bad.is_off_grid = isinstance(error, OffGridError)
            raise bad from error

    def _kind_of_stream(self, stream: str) -> str:
        name, _, channel = stream.partition("@")
        if not channel:
            return stream.lstrip("!")  # of no instrument: serverShutdown
        if not name.startswith("!") and name.upper() != self.symbol:
            raise FrameError(f"stream {stream}: wrong symbol {name.upper()}, expected {self.symbol}")
        kind = _kind_of_channel(channel)
        self._stream_kinds[stream] = kind
        return kind

    def _check_symbol(self, symbol: str) -> None:
        if symbol != self.symbol:
            raise ValueError(f"wrong symbol {symbol}, expected {self.symbol}")

    def _read_depth(self, recv_ns: int, body: bytes | msgspec.Raw, _: int) -> BookDelta:
        raw = _depth.decode(body)
        self._check_symbol(raw.symbol)
        if raw.previous_update_id is not msgspec.UNSET:
            raise ValueError("USD-M futures frames (pu); expected Binance Spot")
        if raw.first_update_id > raw.update_id:
            raise ValueError(f"U {raw.first_update_id} is larger than u {raw.update_id}")
        bid_ticks, bid_lots = self._read_levels(raw.bids)
        ask_ticks, ask_lots = self._read_levels(raw.asks)
        return BookDelta(
            instrument_id=self.instrument_id,
            ts_ns=to_ns(raw.event_time),
            recv_ns=recv_ns,
            first_update_id=raw.first_update_id,
            update_id=raw.update_id,
            bid_ticks=bid_ticks,
            bid_lots=bid_lots,
            ask_ticks=ask_ticks,
            ask_lots=ask_lots,
        )

    def _read_levels(self, levels: list[tuple[str, str]]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        count_ticks, count_lots = self._ticks, self._lots
        ticks = tuple([count_ticks(price) for price, _ in levels])
        if 0 in ticks:
            raise ValueError("a level at price 0: expected a price above 0")
        return ticks, tuple([count_lots(quantity) for _, quantity in levels])

    def _read_snapshot(self, recv_ns: int, body: bytes | msgspec.Raw, depth_ns: int) -> BookSnapshot:
        raw = _levels.decode(body)
        bid_ticks, bid_lots = _without_empty(*self._read_levels(raw.bids))
        ask_ticks, ask_lots = _without_empty(*self._read_levels(raw.asks))
        if list(bid_ticks) != sorted(set(bid_ticks), reverse=True) or list(ask_ticks) != sorted(set(ask_ticks)):
            raise ValueError("levels out of order or doubled: expected each side best first")
        return BookSnapshot(
            instrument_id=self.instrument_id,
            ts_ns=depth_ns,
            recv_ns=recv_ns,
            update_id=raw.update_id,
            bid_ticks=bid_ticks,
            bid_lots=bid_lots,
            ask_ticks=ask_ticks,
            ask_lots=ask_lots,
        )

    def _read_listing(self, _recv_ns: int, body: bytes | msgspec.Raw, _depth_ns: int) -> InstrumentDefined | None:
        return read_listing(body, self.symbol)

    def _check_partial(self, recv_ns: int, body: bytes | msgspec.Raw, depth_ns: int) -> None:
        self._read_snapshot(recv_ns, body, depth_ns)

    def _read_trade(self, recv_ns: int, body: bytes | msgspec.Raw, _: int) -> Trade:
        raw = _trade.decode(body)
        return self._trade(recv_ns, raw, raw.trade_id)

    def _read_agg_trade(self, recv_ns: int, body: bytes | msgspec.Raw, _: int) -> Trade:
        raw = _agg_trade.decode(body)
        return self._trade(recv_ns, raw, raw.aggregate_id)

    def _trade(self, recv_ns: int, raw: wire.Trade | wire.AggTrade, trade_id: int) -> Trade:
        self._check_symbol(raw.symbol)
        price_ticks, qty_lots = self._ticks(raw.price), self._quantity.count(raw.quantity)
        if price_ticks == 0 or qty_lots == 0:
            raise ValueError(f"{raw.quantity} at price {raw.price}: expected both above 0")
        return Trade(
            instrument_id=self.instrument_id,
            ts_ns=to_ns(raw.trade_time),
            recv_ns=recv_ns,
            trade_id=trade_id,
            side=Side.SELL if raw.buyer_is_maker else Side.BUY,
            price_ticks=price_ticks,
            qty_lots=qty_lots,
        )

    def _read_ticker(self, recv_ns: int, body: bytes | msgspec.Raw, depth_ns: int) -> BookTop:
        raw = _ticker.decode(body)
        self._check_symbol(raw.symbol)
        return BookTop(
            instrument_id=self.instrument_id,
            ts_ns=depth_ns,
            recv_ns=recv_ns,
            update_id=raw.update_id,
            bid_ticks=self._ticks(raw.bid_price),
            bid_lots=self._lots(raw.bid_quantity),
            ask_ticks=self._ticks(raw.ask_price),
            ask_lots=self._lots(raw.ask_quantity),
        )


def check_snapshot_body(body: bytes) -> None:
    """FrameError if the answer to a request for the book is another frame, or none."""
    try:
        envelope = _envelope.decode(body)
        kind = "combined frame" if envelope.stream else _kind_of_raw(envelope)
        if kind == "snapshot":
            _levels.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise FrameError(f"depth snapshot: {error}") from error
    if kind != "snapshot":
        raise FrameError(f"depth snapshot: a {kind}; expected lastUpdateId, bids and asks")


def _read_disconnected(_recv_ns: int, body: bytes | msgspec.Raw, _depth_ns: int) -> control.Disconnected:
    return control.read(body)


def _without_empty(ticks: tuple[int, ...], lots: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The levels of at least one lot: a snapshot has no other way to show that a level is not there."""
    if 0 not in lots:
        return ticks, lots
    present = [at for at, held in enumerate(lots) if held]
    return tuple(ticks[at] for at in present), tuple(lots[at] for at in present)


def _kind_of_channel(channel: str) -> str:
    """Kind of the part of a stream name behind the symbol."""
    if channel in _DEPTH_KINDS:
        return "depthUpdate"
    name = channel.partition("@")[0]
    if name in ("depth5", "depth10", "depth20"):
        return "partialDepth"
    return name.partition("_")[0]


def _kind_of_raw(envelope: wire.Envelope) -> str:
    """Kind of a frame that came without its stream's name, by the fields it has."""
    if envelope.event:
        return envelope.event
    if envelope.last_update_id is not msgspec.UNSET:
        return "snapshot"
    if envelope.bid_quantity is not msgspec.UNSET:
        return "bookTicker"
    if envelope.symbols is not msgspec.UNSET:
        return "exchangeInfo"
    if envelope.ours is not msgspec.UNSET:
        return control.DISCONNECTED
    if not envelope.is_control:
        raise ValueError("unknown frame: expected a market event, a depth snapshot, exchangeInfo or a control reply")
    return "control"
