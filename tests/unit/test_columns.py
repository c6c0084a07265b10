"""Tapes and neutral columns to the engine's rows."""

import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm_core.book.book import top_levels
from mm_core.compiled import compiled
from mm_core.events import BookDelta, BookSnapshot, FeedStatus, InstrumentDefined, Trade
from mm_core.setup.config import Config
from mm_core.setup.core import new_core
from mm_core.types import BookState, InputError, Side
from mm_research import columns
from mm_research.columns import Neutral, read_neutral, receive_on_exchange_clock, tape_rows
from mm_research.engine.loop import run
from mm_research.engine.state import (
    CLEAR,
    DEPTH,
    EPOCH,
    LAST_BIT,
    NOTHING,
    ROW,
    SHARED,
    SNAPSHOT,
    STATE_SHIFT,
    STATUS,
    TRADE,
    TWO_BOOKS,
)
from mm_research.market import market_of, trust_feed
from mm_store.tape import TapeBuilder

IT: dict[str, Any] = {"instrument_id": "binance.ETHUSDT"}
ETH = InstrumentDefined(**IT, ts_ns=0, venue_symbol="ETHUSDT", tick_size="0.1", lot_size="0.001")
ASK = 8  # the side's bit


@compiled
def levels_of(state: Any, side: int, ticks: Any, lots: Any) -> int:
    """The best levels of a builder's book."""
    return top_levels(state[0].book, side, ticks, lots)


Row = tuple[int, int, int, float, float, int]  # exchange time, local time, side, price, quantity, kind


def neutral(folder: Path, rows: list[Row], **types: pa.DataType) -> Path:
    """A neutral file of these rows."""
    kinds = {"exch_ts_ns": pa.int64(), "local_ts_ns": pa.int64(), "side": pa.int8()}
    kinds |= {"price": pa.float64(), "qty": pa.float64(), "kind": pa.int8()} | types
    values: list[Any] = list(zip(*rows, strict=True)) if rows else [()] * len(kinds)
    table = pa.table({name: pa.array(column, kinds[name]) for name, column in zip(kinds, values, strict=True)})
    pq.write_table(table, folder / "neutral.parquet")
    return folder / "neutral.parquet"


def read(folder: Path, rows: list[Row]) -> Neutral:
    """Those rows as the engine takes them, tick 0.1 and lot 0.001."""
    return read_neutral(neutral(folder, rows), "0.1", "0.001")


def codes(rows: Any) -> list[tuple[int, int, int]]:
    """(code without the event's end, tick, lots) of each row."""
    return [(int(row["code"]) & ~LAST_BIT, int(row["tick"]), int(row["lots"])) for row in rows]


def test_a_tape_becomes_rows_in_its_order() -> None:
    builder = TapeBuilder(ETH)
    levels: dict[str, Any] = {"bid_ticks": (9,), "bid_lots": (1,), "ask_ticks": (11,), "ask_lots": (5,)}
    empty: dict[str, Any] = {"bid_ticks": (), "bid_lots": (), "ask_ticks": (), "ask_lots": ()}
    builder.add(
        [
            BookSnapshot(**IT, ts_ns=10, recv_ns=8, update_id=5, **levels),
            FeedStatus(
                **IT, ts_ns=10, recv_ns=8, state=BookState.VALID, epoch=3, complete_low_ticks=8, complete_high_ticks=12
            ),
            BookDelta(**IT, ts_ns=20, recv_ns=30, first_update_id=6, update_id=7, **levels),
            Trade(**IT, ts_ns=25, recv_ns=22, trade_id=1, side=Side.SELL, price_ticks=9, qty_lots=6),
            BookDelta(**IT, ts_ns=40, recv_ns=35, first_update_id=8, update_id=8, **empty),
        ]
    )
    rows = tape_rows(builder.tape(), offset_ns=2)
    assert codes(rows) == [
        (CLEAR, 0, 0),
        (SNAPSHOT, 9, 1),
        (SNAPSHOT | ASK, 11, 5),
        (STATUS | BookState.VALID << STATE_SHIFT, 8, 12),
        (EPOCH, 0, 3),
        (DEPTH, 9, 1),
        (DEPTH | ASK, 11, 5),
        (TRADE | ASK, 9, 6),
        (NOTHING, 0, 0),
    ]
    assert (rows["code"] & LAST_BIT != 0).tolist() == [False, False, True, False, True, False, True, True, True]
    assert rows["exch_ns"].tolist() == [10, 10, 10, 10, 10, 20, 20, 25, 40]
    assert rows["local_ns"].tolist() == [10, 10, 10, 10, 10, 32, 32, 32, 40]


@given(times=st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), min_size=1), offset_ns=st.integers(-50, 50))
def test_reception_never_goes_back_and_never_precedes_the_exchange(
    times: list[tuple[int, int]], offset_ns: int
) -> None:
    rows = np.zeros(len(times), ROW)
    rows["exch_ns"], rows["local_ns"] = zip(*times, strict=True)
    receive_on_exchange_clock(rows, offset_ns)
    latest = 0
    for (exch_ns, recv_ns), local_ns in zip(times, rows["local_ns"].tolist(), strict=True):
        latest = max(latest, recv_ns + offset_ns, exch_ns)
        assert local_ns == latest


def test_one_order_of_rows_is_one_array(tmp_path: Path) -> None:
    tape = read(tmp_path, [(1, 5, 1, 59999.9, 1.5, 2), (1, 5, -1, 60000.1, 0.002, 2), (2, 6, -1, 59999.9, 0.001, 1)])
    assert tape.is_monotone
    assert codes(tape.rows) == [(SNAPSHOT, 599999, 1500), (SNAPSHOT | ASK, 600001, 2), (TRADE | ASK, 599999, 1)]
    assert (tape.rows["code"] & LAST_BIT != 0).tolist() == [False, True, True]


def test_two_orders_of_rows_are_sorted_each_and_stable(tmp_path: Path) -> None:
    rows: list[Row] = [(3, 4, 1, 1.0, 1, 0), (1, 5, 1, 2.0, 1, 1), (3, 5, 1, 3.0, 1, 0), (2, 6, 1, 4.0, 1, 0)]
    tape = read(tmp_path, rows)
    assert not tape.is_monotone
    assert tape.rows["tick"].tolist() == [20, 40, 10, 30]
    assert tape.local_rows["tick"].tolist() == [10, 20, 30, 40]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ((1, 1, 1, 0.15, 1.0, 0), "row 1: price 0.15; expected a multiple of the tick 0.1 above 0"),
        ((1, 1, 1, 0.0, 1.0, 0), "row 1: price 0.0; expected a multiple"),
        ((1, 1, 1, math.nan, 1.0, 1), "row 1: price nan; expected a multiple"),
        ((1, 1, 1, 3e8, 1.0, 0), "row 1: price 300000000.0; expected a multiple"),
        ((1, 1, -1, -0.1, 0.0, 3), ""),
        ((1, 1, 1, 1.0, -1.0, 0), "row 1: qty -1.0; expected 0 or more lots of 0.001"),
        ((1, 1, 1, 1.0, math.inf, 0), "row 1: qty inf; expected 0 or more"),
        ((1, 1, 0, 1.0, 1.0, 0), "row 1: side 0; expected +1 or -1"),
        ((1, 1, 1, 1.0, 1.0, 4), "row 1: kind 4; expected 0 depth, 1 trade"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, row: Row, message: str) -> None:
    path = neutral(tmp_path, [(1, 1, 1, 0.1, 1.0, 0), row])
    if not message:
        assert len(read_neutral(path, "0.1", "0.001").rows) == 2  # a clear of nothing
        return
    with pytest.raises(InputError) as error:
        read_neutral(path, "0.1", "0.001")
    assert message in str(error.value)


def test_a_row_is_counted_from_the_start_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "_BATCH_ROWS", 2)
    path = neutral(tmp_path, [(1, 1, 1, 0.1, 1.0, 0)] * 5 + [(1, 1, 1, 0.11, 1.0, 0)])
    with pytest.raises(InputError, match=r"row 5: price 0\.11"):
        read_neutral(path, "0.1", "0.001")


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.parquet: no such file; expected a neutral tape in Parquet"):
        read_neutral(tmp_path / "none.parquet", "0.1", "0.001")
    with pytest.raises(InputError, match=r"neutral\.parquet: no rows"):
        read(tmp_path, [])
    text = neutral(tmp_path, [(1, 1, 1, 0.5, 1.0, 0)], price=pa.float32(), side=pa.float64())
    with pytest.raises(InputError, match="column side holds double; expected numbers"):
        read_neutral(text, "0.1", "0.001")
    pq.write_table(pa.table({"kind": [1]}), text)
    with pytest.raises(InputError, match=r"no column side; expected kind, side"):
        read_neutral(text, "0.1", "0.001")


def test_quantities_off_the_lot_go_to_the_nearest_and_are_counted(tmp_path: Path) -> None:
    tape = read(tmp_path, [(1, 1, 1, 0.1, 0.0016, 0), (1, 1, 1, 0.2, 0.0014, 0), (1, 1, 1, 0.3, 0.3, 0)])
    assert (tape.rows["lots"].tolist(), tape.off_lot) == ([2, 1, 300], 2)


@given(ticks=st.integers(1, 2**31 - 1), lots=st.integers(0, 10**12))
def test_prices_and_quantities_computed_in_floats_are_on_the_grid(ticks: int, lots: int) -> None:
    units = columns._units(np.array([ticks / 10, ticks * 0.1, lots * 0.001]), Decimal("0.1"))
    assert units[0][:2].tolist() == [ticks, ticks]
    assert units[1][:2].all()
    counts, on_grid = columns._units(np.array([lots / 1000, lots * 0.001]), Decimal("0.001"))
    assert counts.tolist() == [lots, lots]
    assert on_grid.all()


BOOK: list[Row] = [
    *((1, 1, 1, price, 1.0, 2) for price in (10.0, 9.9, 9.8)),
    *((1, 1, -1, price, 1.0, 2) for price in (10.1, 10.2, 10.3)),
]


@pytest.mark.parametrize(
    ("side", "price", "row", "bids", "asks"),
    [
        (1, 9.9, (CLEAR, 99, 1), [98], [101, 102, 103]),  # from the touch to the price, included
        (-1, 10.2, (CLEAR | ASK, 102, 2), [100, 99, 98], [103]),
        (-1, math.nan, (CLEAR | ASK, 0, 2), [100, 99, 98], []),
        (1, 0.0, (CLEAR, 0, 1), [], [101, 102, 103]),
        (1, 10.1, (CLEAR, 101, 1), [100, 99, 98], [101, 102, 103]),
        (0, math.nan, (CLEAR, 0, 0), [], []),  # the whole book
        (0, 10.0, (CLEAR, 100, 3), [99, 98], [101, 102, 103]),
    ],
)
@pytest.mark.parametrize("visibility", [SHARED, TWO_BOOKS])
def test_a_clear_removes_the_levels_from_the_touch_to_its_price(
    tmp_path: Path,
    side: int,
    price: float,
    row: tuple[int, int, int],
    bids: list[int],
    asks: list[int],
    visibility: int,
) -> None:
    tape = read(tmp_path, [*BOOK, (2, 2, side, price, 0.0, 3), (5, 5, 1, 9.7, 1.0, 1)])
    assert codes(tape.rows)[6] == row
    market = market_of([new_core(Config(), ETH)], visibility, first_tick_ns=3)
    trust_feed(market, tape.rows)
    run(market, tape.rows, tape.rows, new_core(Config(), ETH).strategy, 1 << 62)
    builder = market["local" if visibility == TWO_BOOKS else "builder"]
    levels = [np.zeros(5, np.int64), np.zeros(5, np.int64)]
    for book_side, expected in enumerate((bids, asks)):
        count = levels_of(builder, book_side, *levels)
        assert levels[0][:count].tolist() == expected
    assert int(builder["touch"]["bid_ticks"][0]) == (bids[0] if bids else 0)


def test_a_clear_off_the_tick_grid_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="row 6: price"):
        read(tmp_path, [*BOOK, (2, 2, -1, 10.15, 0.0, 3)])
