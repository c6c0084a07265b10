"""Recorded frames as a neutral tape in Parquet, and a neutral tape as hftbacktest's events: one input for both."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mm_core.events import BookDelta, BookSnapshot, RootEvent, Trade
from mm_store.ws_lines import WsLines
from mm_venues.audit import CompiledBook, TouchAudit
from mm_venues.binance.define import define
from mm_venues.binance.feed import Feed

Columns = dict[str, np.ndarray[Any, Any]]
Row = tuple[int, int, int, int, int, int]  # exch_ns, recv_ns, side, ticks, lots, kind

NAMES = ("exch_ts_ns", "local_ts_ns", "side", "price", "qty", "kind")
TYPES = ("i8", "i8", "i1", "f8", "f8", "i1")
DEPTH, TRADE, SNAPSHOT, CLEAR = range(4)

EVENT = np.dtype(
    [(name, "u8" if name in {"ev", "order_id"} else "f8" if name in {"px", "qty", "fval"} else "i8")
     for name in ("ev", "exch_ts", "local_ts", "px", "qty", "order_id", "ival", "fval")],
    align=True,
)  # fmt: skip
AT_VENUE, AT_US, BUY, SELL = 1 << 31, 1 << 30, 1 << 29, 1 << 28
CODES = np.array([1, 2, 4, 3], np.uint64)  # by the kind of a neutral row


class Source(NamedTuple):
    """A neutral tape on disk and the sizes it is made of."""

    path: Path
    tick: str
    lot: str


def record_tape(frames: list[Path], symbol: str, folder: Path) -> Source:
    """Write the neutral tape of the recorded frames of one Binance session; tick and lot are inferred from them.

    Receive times are moved by one offset so that the fastest depth event takes no time, and never go back: the
    recorder's clock may be behind the venue's.
    """
    lines = WsLines(frames)
    instrument = define(symbol, lines).instrument
    feed = Feed(instrument, TouchAudit(CompiledBook()))
    rows = [row for recv_ns, frame in lines for event in feed.feed(recv_ns, frame) for row in _rows(event)]
    exch_ns, recv_ns, side, ticks, lots, kind = np.array(rows, np.int64).T
    offset_ns = -int((recv_ns - exch_ns)[kind != TRADE].min())
    local_ns = np.maximum.accumulate(np.maximum(recv_ns + offset_ns, exch_ns))
    price, qty = ticks * float(instrument.tick_size), lots * float(instrument.lot_size)
    values = (exch_ns, local_ns, side, price, qty, kind)
    columns = {name: each.astype(type_) for name, each, type_ in zip(NAMES, values, TYPES, strict=True)}
    path = folder / f"{symbol}.parquet"
    pq.write_table(pa.table(columns), path)
    return Source(path, instrument.tick_size, instrument.lot_size)


def _rows(event: RootEvent) -> Iterator[Row]:
    """A row for each level or trade; a snapshot clears the book first."""
    if isinstance(event, Trade):
        yield event.ts_ns, event.recv_ns, 1 - 2 * event.side, event.price_ticks, event.qty_lots, TRADE
    elif isinstance(event, BookDelta | BookSnapshot):
        is_snapshot = isinstance(event, BookSnapshot)
        if is_snapshot:
            yield event.ts_ns, event.recv_ns, 0, 0, 0, CLEAR
        for side, ticks, lots in ((1, event.bid_ticks, event.bid_lots), (-1, event.ask_ticks, event.ask_lots)):
            for level in zip(ticks, lots, strict=True):
                yield event.ts_ns, event.recv_ns, side, *level, SNAPSHOT if is_snapshot else DEPTH


def read_columns(path: Path) -> Columns:
    """The columns of a neutral tape, in the order of the file."""
    table = pq.read_table(path, columns=list(NAMES))
    return {name: table[name].to_numpy() for name in NAMES}


def venue_order(columns: Columns) -> Columns:
    """The rows as the venue saw them."""
    order = np.argsort(columns["exch_ts_ns"], kind="stable")
    return {name: values[order] for name, values in columns.items()}


def reception_order(columns: Columns) -> Columns:
    """The rows as we received them."""
    order = np.argsort(columns["local_ts_ns"], kind="stable")
    return {name: values[order] for name, values in columns.items()}


def write_events(columns: Columns, path: Path) -> None:
    """Write hftbacktest's events: each row once where both sides see one order of rows, else once for each side."""
    at_venue, at_us = venue_order(columns), reception_order(columns)
    if all(np.array_equal(at_venue[name], at_us[name]) for name in NAMES):
        events = _events(at_venue, AT_VENUE | AT_US)
    else:
        events = np.concatenate([_events(at_venue, AT_VENUE), _events(at_us, AT_US)])
    np.savez(path, data=events)


def _events(columns: Columns, sights: int) -> np.ndarray[Any, Any]:
    events = np.zeros(len(columns["kind"]), EVENT)
    side = np.select([columns["side"] > 0, columns["side"] < 0], [BUY, SELL], 0).astype(np.uint64)
    events["ev"] = CODES[columns["kind"]] | side | np.uint64(sights)
    for name, column in (("exch_ts", "exch_ts_ns"), ("local_ts", "local_ts_ns"), ("px", "price"), ("qty", "qty")):
        events[name] = columns[column]
    return events
