"""Tapes and neutral columns to the engine's rows."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from mm_core.compiled import new
from mm_core.setup.units import size_of
from mm_core.types import InputError, Side
from mm_research.engine.state import (
    CLEAR,
    DEPTH,
    EPOCH,
    LAST_BIT,
    NOTHING,
    ROW,
    SIDE_SHIFT,
    STATE_SHIFT,
    STATUS,
    TRADE,
)
from mm_research.engine.tops import new_order, order_tops
from mm_store.tape import Tape
from mm_store.tape_rows import NO_LEVELS_LOTS

Column = np.ndarray[Any, np.dtype[Any]]
Rows = np.ndarray[Any, np.dtype[Any]]

NEUTRAL_COLUMNS = ("kind", "side", "price", "qty", "exch_ts_ns", "local_ts_ns")
_BATCH_ROWS = 1 << 16
_TICK_MAX = 2**31 - 1
_LOTS_MAX = 2**53
_BOTH_SIDES = 3


class Neutral(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of a neutral tape in the order of the venue and in the order of reception; the same array if they agree.

    `count` is the rows of the file, `off_lot` how many quantities were rounded to whole lots, the nearest.
    """

    rows: Rows
    local_rows: Rows
    count: int
    off_lot: int

    @property
    def is_monotone(self) -> bool:
        """Both times never go back, so that venue and strategy see one order of rows."""
        return self.rows is self.local_rows


def tape_rows(tape: Tape, offset_ns: int = 0, order: Rows | None = None) -> Rows:
    """The log's rows of a tape, in its order; `order` (`engine.tops`) continues where the tape is a part of a log.

    `local_ns` is the receive time on the exchange's clock: never before the row's own exchange time, never going back.
    A status becomes two rows, its state and its epoch; a depth event without levels a row of nothing. A top gets the
    exchange time that the venue finds for it.
    """
    status = tape.kind == STATUS
    taken = np.repeat(np.arange(len(tape)), 1 + status)
    rows = new(ROW, len(taken))
    rows["exch_ns"] = tape.exch_ns[taken]
    rows["local_ns"] = tape.recv_ns[taken]
    rows["tick"] = tape.tick[taken]
    rows["lots"] = tape.lots[taken]
    rows["code"] = (tape.kind.astype(np.int32) | tape.side.astype(np.int32) << SIDE_SHIFT)[taken]
    rows["code"] |= np.where(tape.last[taken], LAST_BIT, 0)
    _split_statuses(rows, tape, np.flatnonzero(status))
    empty = (rows["code"] & 7 == DEPTH) & (rows["lots"] == NO_LEVELS_LOTS)
    rows["code"][empty] = NOTHING | LAST_BIT
    rows["lots"][empty] = 0
    receive_on_exchange_clock(rows, offset_ns)
    order_tops(rows, tape.id[taken], new_order() if order is None else order)
    return rows


def _split_statuses(rows: Rows, tape: Tape, statuses: Column) -> None:
    firsts = statuses + np.arange(len(statuses))  # each status before has added a row
    rows["code"][firsts] = STATUS | tape.side[statuses].astype(np.int32) << STATE_SHIFT
    epochs = firsts + 1
    rows["code"][epochs] = EPOCH | LAST_BIT
    rows["tick"][epochs] = 0
    rows["lots"][epochs] = tape.id[statuses]


def receive_on_exchange_clock(rows: Rows, offset_ns: int) -> None:
    """Turn receive times into `local_ns`, in place: max(receive time + offset, exchange time, local_ns before it)."""
    local_ns = np.maximum(rows["local_ns"] + offset_ns, rows["exch_ns"])
    rows["local_ns"] = np.maximum.accumulate(local_ns)


def read_neutral(path: Path, tick: str, lot: str) -> Neutral:
    """Rows of a neutral Parquet file (see README), with exact ticks and lots.

    InputError if the file is none, or names the first row (from 0) whose price is off the grid or whose value is not
    what its column holds.
    """
    converter = _Converter(path, size_of("--tick", tick), size_of("--lot", lot))
    rows = converter.read()
    by_venue, by_reception = (bool(np.all(rows[name][1:] >= rows[name][:-1])) for name in ("exch_ns", "local_ns"))
    if by_venue and by_reception:
        ordered = local = rows
    else:
        ordered = rows if by_venue else rows[np.argsort(rows["exch_ns"], kind="stable")]
        local = rows[np.argsort(rows["local_ns"], kind="stable")]  # a copy: each order has event ends of its own
    _mark_events(ordered)
    if local is not ordered:
        _mark_events(local)
    return Neutral(rows=ordered, local_rows=local, count=len(rows), off_lot=converter.off_lot)


def _mark_events(rows: Rows) -> None:
    """Rows in a run of equal times, trades apart, are one event: only after its last row is the book complete."""
    last = np.ones(len(rows), np.bool_)
    np.not_equal(rows["exch_ns"][1:], rows["exch_ns"][:-1], out=last[:-1])
    last[:-1] |= rows["local_ns"][1:] != rows["local_ns"][:-1]
    is_trade = rows["code"] & 7 == TRADE
    last[:-1] |= is_trade[1:] != is_trade[:-1]
    np.bitwise_or(rows["code"], LAST_BIT, out=rows["code"], where=last)


class _Converter:
    """Reads a file column by column, part by part, so that the peak of memory stays near the rows themselves."""

    def __init__(self, path: Path, tick: Decimal, lot: Decimal) -> None:
        self._path = path
        self._tick, self._lot = tick, lot
        self.off_lot = 0

    def read(self) -> Rows:
        """The rows, in the order of the file."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            with pq.ParquetFile(self._path) as file:
                missing = [name for name in NEUTRAL_COLUMNS if name not in file.schema_arrow.names]
                if missing:
                    raise InputError(f"{self._path}: no column {missing[0]}; expected {', '.join(NEUTRAL_COLUMNS)}")
                rows = new(ROW, file.metadata.num_rows)
                # The order matters: the kind defines what side, price and quantity mean.
                for name, fill in zip(NEUTRAL_COLUMNS, self._fills(), strict=True):
                    self._read_column(file, name, rows, fill)
        except (OSError, pa.ArrowInvalid) as error:
            reason = "no such file" if isinstance(error, FileNotFoundError) else str(error).splitlines()[0]
            raise InputError(f"{self._path}: {reason}; expected a neutral tape in Parquet") from error
        if not len(rows):
            raise InputError(f"{self._path}: no rows; expected level changes and trades")
        return rows

    def _fills(self) -> tuple[Callable[[Rows, Column, int], None], ...]:
        return self._kind, self._side, self._price, self._qty, self._exch_ns, self._local_ns

    def _read_column(self, file: Any, name: str, rows: Rows, fill: Callable[[Rows, Column, int], None]) -> None:
        start = 0
        for batch in file.iter_batches(_BATCH_ROWS, columns=[name], use_threads=False):
            column = batch.column(0)
            is_real = name in {"price", "qty"}
            if column.null_count and not is_real:
                row = start + int(np.argmax(column.is_null().to_numpy(zero_copy_only=False)))
                raise InputError(f"{self._path}: row {row}: {name} is null; expected a number")
            values: Column = column.to_numpy(zero_copy_only=False)
            if values.dtype.kind not in ("iuf" if is_real else "iu"):
                raise InputError(f"{self._path}: column {name} holds {column.type}; expected numbers")
            fill(rows[start : start + len(batch)], values.astype(np.float64 if is_real else np.int64), start)
            start += len(batch)

    def _kind(self, rows: Rows, kind: Column, start: int) -> None:
        self._refuse(start, (kind < 0) | (kind > CLEAR), "kind", kind, "0 depth, 1 trade, 2 snapshot level or 3 clear")
        rows["code"] = kind

    def _side(self, rows: Rows, side: Column, start: int) -> None:
        is_clear = rows["code"] == CLEAR
        self._refuse(start, (np.abs(side) != 1) & ~(is_clear & (side == 0)), "side", side, "+1 or -1")
        rows["code"] |= np.where(side < 0, np.int32(1 << SIDE_SHIFT), np.int32(0))
        # A clear names its sides in the bits of its lots; 0 clears the whole book.
        sides = np.select([side > 0, side < 0], [1 << Side.BUY, 1 << Side.SELL], _BOTH_SIDES)
        np.copyto(rows["lots"], sides, where=is_clear)

    def _price(self, rows: Rows, price: Column, start: int) -> None:
        is_whole = (rows["code"] & 7 == CLEAR) & ~(price > 0.0)
        ticks, on_grid = _units(np.where(is_whole, 0.0, price), self._tick)
        bad = ~(on_grid & (ticks <= _TICK_MAX) & (is_whole | (ticks > 0)))
        self._refuse(start, bad, "price", price, f"a multiple of the tick {self._tick:f} above 0")
        rows["tick"] = ticks
        whole = (rows["code"] & 7 == CLEAR) & (rows["lots"] == _BOTH_SIDES) & (ticks == 0)
        np.copyto(rows["lots"], 0, where=whole)

    def _qty(self, rows: Rows, qty: Column, start: int) -> None:
        is_clear = rows["code"] & 7 == CLEAR
        lots, on_lot = _units(np.where(is_clear, 0.0, qty), self._lot)
        self._refuse(start, (lots < 0) | (lots > _LOTS_MAX), "qty", qty, f"0 or more lots of {self._lot:f}")
        self.off_lot += int(np.count_nonzero(~on_lot))
        np.copyto(rows["lots"], lots, where=~is_clear)

    def _exch_ns(self, rows: Rows, exch_ns: Column, _start: int) -> None:
        rows["exch_ns"] = exch_ns

    def _local_ns(self, rows: Rows, local_ns: Column, _start: int) -> None:
        rows["local_ns"] = local_ns

    def _refuse(self, start: int, bad: Column, name: str, values: Column, right: str) -> None:
        if bad.any():
            row = int(np.argmax(bad))
            raise InputError(f"{self._path}: row {start + row}: {name} {values[row]}; expected {right}")


def _units(values: Column, unit: Decimal) -> tuple[Column, Column]:
    """Nearest whole units, and where they are exact but for the rounding of the floats themselves.

    NaN and infinities give -1 units.
    """
    scaled = values / float(unit)
    finite = np.isfinite(scaled) & (np.abs(scaled) < _LOTS_MAX)
    scaled = np.where(finite, scaled, -1.0)
    counts = np.floor(scaled + 0.5)
    exact = np.abs(scaled - counts) <= 1e-9 + 1e-15 * np.abs(counts)
    return counts.astype(np.int64), exact & finite
