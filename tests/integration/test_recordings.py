"""Real recordings through the complete import, against figures that were verified by other means."""

from pathlib import Path

import numpy as np
import pytest

from mm_core.events import BookDelta, BookSnapshot, RootEvent
from mm_core.types import BookState
from mm_research.importer import Imported, import_ws_lines
from mm_store.tape import Kind, Tape, events, read_tape
from mm_store.ws_lines import WsLines
from mm_venues.binance.define import define


def run(data: Path, symbol: str, names: list[str], out: Path) -> Imported:
    """Import recorded files with sizes inferred from them."""
    lines = WsLines([data / "binance_spot" / name for name in names])
    return import_ws_lines(lines, define(symbol, lines), out, lambda _done, _total: None)


@pytest.mark.parametrize(
    ("symbol", "names", "sizes", "expected"),
    [
        (
            "BTCUSDT",
            ["btcusdt_20240808.gz", "btcusdt_20240809.gz"],
            ("0.01", "0.00001"),
            {
                "depth_received": 6_495,
                "depth_dropped": 2,
                "depth_applied": 6_493,
                "trades": 19_904,
                "trades_late": 2_437,
                "book_tops": 73_174,
                "touch_checked": 1_072,
                "touch_equal": 1_072,
                "off_lot_levels": 7,
            },
        ),
        (
            "NEXOUSDT",
            ["nexousdt_20240723.dat.gz", "nexousdt_20240724.dat.gz"],
            ("0.001", "0.01"),
            {
                "depth_received": 68_182,
                "depth_dropped": 0,
                "depth_applied": 68_182,
                "trades": 12_458,
                "trades_late": 269,
                "book_tops": 33_437,
                "touch_checked": 12_198,
                "touch_equal": 12_198,
                "off_lot_levels": 0,
            },
        ),
        (
            "BTCUSDT",
            ["spot_btcusdt_20230405.nosnapshot.dat.gz"],
            ("0.01", "0.00001"),
            {
                "depth_received": 3_929,
                "depth_dropped": 0,
                "depth_applied": 0,
                "trades": 3_144,
                "book_tops": 7_998,
                "touch_checked": 0,
                "off_lot_levels": 15,
            },
        ),
    ],
    ids=["BTCUSDT", "NEXOUSDT", "without a snapshot"],
)
def test_a_recording_is_unbroken_and_its_book_is_the_venues(
    shared_data: Path,
    tmp_path: Path,
    symbol: str,
    names: list[str],
    sizes: tuple[str, str],
    expected: dict[str, int],
) -> None:
    imported = run(shared_data, symbol, names, tmp_path)
    result = imported.to_json()
    assert (imported.defined.instrument.tick_size, imported.defined.instrument.lot_size) == sizes
    assert {name: result[name] for name in expected} == expected
    assert (result["gaps"], result["trade_gaps"], result["crossed"]) == (0, 0, 0)


def test_the_tape_holds_what_the_feed_published(shared_data: Path, tmp_path: Path) -> None:
    imported = run(shared_data, "BTCUSDT", ["btcusdt_20240808.gz", "btcusdt_20240809.gz"], tmp_path)
    assert imported.days == ["20240808", "20240809"]
    tape = read_tape([folder / f"tape_BTCUSDT_{folder.name}.parquet" for folder in imported.folders])
    assert len(tape) == imported.rows
    assert tape.counts() == {"depth": 6_493, "trade": 19_904, "snapshot": 1, "status": 11, "top": 73_174}
    trades = tape.id[tape.kind == Kind.TRADE]
    assert np.array_equal(trades, np.arange(trades[0], trades[0] + 19_904))
    # The recorder's clock was 1.27 s behind the exchange's.
    assert -1_280 < imported.clock_ms["p1"] <= imported.clock_ms["p99"] < -1_260


@pytest.mark.parametrize(
    ("symbol", "names", "day"),
    [
        ("BTCUSDT", ["btcusdt_20240808.gz", "btcusdt_20240809.gz"], "20240809"),
        ("NEXOUSDT", ["nexousdt_20240723.dat.gz", "nexousdt_20240724.dat.gz"], "20240724"),
    ],
)
def test_a_later_day_alone_begins_with_the_book_that_the_session_had(
    shared_data: Path, tmp_path: Path, symbol: str, names: list[str], day: str
) -> None:
    imported = run(shared_data, symbol, names, tmp_path)
    assert imported.failures == []
    paths = [folder / f"tape_{symbol}_{folder.name}.parquet" for folder in imported.folders]
    alone = read_tape([path for path in paths if day in path.name])
    whole = read_tape(paths)
    before = TouchBook()
    for event in events(whole.part(slice(0, len(whole) - len(alone) + opening_rows(alone)))):
        before.take(event)
    first = next(event for event in events(alone) if isinstance(event, BookSnapshot))
    assert (first.update_id, first.bid_ticks[0], first.bid_lots[0]) == (before.update_id, *before.best(0))
    assert (first.ask_ticks[0], first.ask_lots[0]) == before.best(1)
    assert alone.side[alone.kind == Kind.STATUS][0] == BookState.VALID


def opening_rows(tape: Tape) -> int:
    """Rows up to the first status, included."""
    return int(np.flatnonzero(tape.kind == Kind.STATUS)[0]) + 1


class TouchBook:
    """Two dicts: the naive book."""

    def __init__(self) -> None:
        self.update_id = 0
        self._sides: tuple[dict[int, int], dict[int, int]] = ({}, {})

    def take(self, event: RootEvent) -> None:
        """Follow a snapshot or a delta."""
        if isinstance(event, BookSnapshot):
            self._sides = {}, {}
        if isinstance(event, BookSnapshot | BookDelta):
            self.update_id = event.update_id
            self._sides[0].update(zip(event.bid_ticks, event.bid_lots, strict=True))
            self._sides[1].update(zip(event.ask_ticks, event.ask_lots, strict=True))

    def best(self, side: int) -> tuple[int, int]:
        """Price and lots of the best level."""
        levels = [(ticks, lots) for ticks, lots in self._sides[side].items() if lots]
        return min(levels) if side else max(levels)
