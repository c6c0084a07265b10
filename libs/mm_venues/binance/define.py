"""What one tick and one lot of an instrument are: given, from exchangeInfo, or inferred from the data."""

import gzip
import math
import re
import zlib
from array import array
from decimal import Decimal
from pathlib import Path

import numpy as np

from mm_core.events import BookDelta, BookSnapshot, InstrumentDefined, Trade
from mm_core.types import INT64_MAX, InputError, from_units
from mm_venues.binance.parse import MarketFact, Parser
from mm_venues.binance.rules import instrument_id, parse_exchange_info
from mm_venues.defined import Defined
from mm_venues.frame_error import FrameError
from mm_venues.port import Frames
from mm_venues.units import plain_size

_RECORDED = "exchangeInfo among the frames"
_SYMBOL = re.compile(r"[A-Z0-9-]+")
# The unit of inference: no text on Binance's wire has more than eight decimals.
_FINEST = "0.00000001"
_INFO_BYTES_MAX = 256 << 20  # of all symbols of the venue it is some 20 MB
# Resting orders from before a change of the lot size are rarer than this.
_OFF_LOT_SHARE_MAX = 0.001


def define(symbol: str, lines: Frames, *, tick: str = "", lot: str = "", exchange_info: Path | None = None) -> Defined:
    """The Binance instrument `symbol`: each size as given, else from exchangeInfo, else inferred from all the lines.

    exchangeInfo is the file given, or the first one among the lines.
    InputError for a size that is no number above 0, an unusable exchangeInfo file, or lines with nothing to infer from.
    """
    if not _SYMBOL.fullmatch(symbol):
        raise InputError(f"--symbol {symbol}: expected capital letters, digits and '-', such as BTCUSDT")
    tick, lot = _given("--tick", tick), _given("--lot", lot)
    tick_source, lot_source = "given by --tick", "given by --lot"
    if exchange_info is not None:
        instrument = _from_exchange_info(exchange_info, symbol, tick, lot)
        name = f"exchangeInfo {exchange_info.name}"
        return Defined(
            instrument=instrument, tick_source=tick_source if tick else name, lot_source=lot_source if lot else name
        )
    if not (tick and lot):
        inferred = _infer(symbol, lines)
        if inferred.listed is not None and not (tick or lot):
            return Defined(instrument=inferred.listed, tick_source=_RECORDED, lot_source=_RECORDED)
        if not tick:
            tick, tick_source = inferred.tick()
        if not lot:
            lot, lot_source = inferred.lot()
    instrument = _definition(symbol, tick, lot)
    return Defined(instrument=instrument, tick_source=tick_source, lot_source=lot_source)


def _definition(symbol: str, tick: str, lot: str) -> InstrumentDefined:
    return InstrumentDefined(
        instrument_id=instrument_id(symbol), ts_ns=0, venue_symbol=symbol, tick_size=tick, lot_size=lot
    )


def _given(option: str, text: str) -> str:
    try:
        return plain_size(option, text) if text else ""
    except ValueError as error:
        raise InputError(str(error)) from error


def _from_exchange_info(path: Path, symbol: str, tick: str, lot: str) -> InstrumentDefined:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            data = file.read(_INFO_BYTES_MAX + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: {getattr(error, 'strerror', None) or error}; expected exchangeInfo") from error
    if len(data) > _INFO_BYTES_MAX:
        raise InputError(f"{path}: more than {_INFO_BYTES_MAX >> 20} MiB; expected exchangeInfo")
    try:
        return parse_exchange_info(data, symbol, tick, lot)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


class _Inference:
    """The greatest common divisors of what the data holds, in 1e-8."""

    def __init__(self) -> None:
        self._tick_e8 = 0
        self._trade_lot_e8 = 0
        self._prices = 0
        self._trades = 0
        self._level_lots_e8 = array("q")
        self.listed: InstrumentDefined | None = None  # by the first exchangeInfo among the frames

    def take(self, fact: MarketFact | None) -> None:
        match fact:
            case InstrumentDefined():
                self.listed = self.listed or fact
            case Trade():
                self._tick_e8 = math.gcd(self._tick_e8, fact.price_ticks)
                self._trade_lot_e8 = math.gcd(self._trade_lot_e8, fact.qty_lots)
                self._prices += 1
                self._trades += 1
            case BookDelta() | BookSnapshot():
                self._tick_e8 = math.gcd(self._tick_e8, *fact.bid_ticks, *fact.ask_ticks)
                self._prices += len(fact.bid_ticks) + len(fact.ask_ticks)
                self._level_lots_e8.extend(fact.bid_lots)
                self._level_lots_e8.extend(fact.ask_lots)
            case _:
                pass

    def tick(self) -> tuple[str, str]:
        """The tick size and what it was inferred from, or listed in."""
        if self.listed is not None:
            return self.listed.tick_size, _RECORDED
        return _decimal("--tick", self._tick_e8), f"inferred from {self._prices} prices"

    def lot(self) -> tuple[str, str]:
        """The lot size and what it was inferred from: the trades, unless too many levels do not fit them.

        A trade is made of full lots, a level may hold an order from before the lot size was raised.
        """
        if self.listed is not None:
            return self.listed.lot_size, _RECORDED
        levels = np.frombuffer(self._level_lots_e8, np.int64)
        if self._trade_lot_e8 and np.count_nonzero(levels % self._trade_lot_e8) <= _OFF_LOT_SHARE_MAX * len(levels):
            return _decimal("--lot", self._trade_lot_e8), f"inferred from {self._trades} trade quantities"
        all_e8 = math.gcd(self._trade_lot_e8, int(np.gcd.reduce(levels, initial=0)))
        return _decimal("--lot", all_e8), f"inferred from {len(levels) + self._trades} quantities"


def _decimal(option: str, size_e8: int) -> str:
    if not size_e8:
        raise InputError(f"the files hold nothing to infer a size from; give {option} or --exchange-info")
    return f"{from_units(size_e8, Decimal(_FINEST)).normalize():f}"


def _infer(symbol: str, lines: Frames) -> _Inference:
    inferred = _Inference()
    parser = Parser(_definition(symbol, _FINEST, _FINEST), price_ticks_max=INT64_MAX)
    for recv_ns, frame in lines:
        try:
            inferred.take(parser.parse(recv_ns, frame, 0)[1])
            if inferred.listed is not None:
                break
        except FrameError as error:
            lines.refuse(error)
    return inferred
