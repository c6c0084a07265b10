"""Real recordings through the whole import, against figures that were verified by other means."""

from pathlib import Path

import numpy as np
import pytest

from mm_store.importer import Imported, import_ws_lines
from mm_store.instrument import define
from mm_store.tape import Kind, read_tape
from mm_store.ws_lines import WsLines


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
    told = imported.to_json()
    assert (imported.defined.instrument.tick_size, imported.defined.instrument.lot_size) == sizes
    assert {name: told[name] for name in expected} == expected
    assert (told["gaps"], told["trade_gaps"], told["crossed"]) == (0, 0, 0)


def test_the_tape_holds_what_the_feed_said(shared_data: Path, tmp_path: Path) -> None:
    imported = run(shared_data, "BTCUSDT", ["btcusdt_20240808.gz", "btcusdt_20240809.gz"], tmp_path)
    assert imported.days == ["20240808", "20240809"]
    tape = read_tape([folder / f"tape_BTCUSDT_{folder.name}.parquet" for folder in imported.folders])
    assert len(tape) == imported.rows
    assert tape.counts() == {"depth": 6_493, "trade": 19_904, "snapshot": 1, "status": 11}
    trades = tape.id[tape.kind == Kind.TRADE]
    assert np.array_equal(trades, np.arange(trades[0], trades[0] + 19_904))
    # The recorder's clock was 1.27 s behind the exchange's.
    assert -1_280 < imported.clock_ms["p1"] <= imported.clock_ms["p99"] < -1_260
