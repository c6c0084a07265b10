"""Backtests from end to end: the sample and real recordings, through the command and the Python API."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from mm_cli.backtest import _progress, days_of
from mm_core.types import InputError
from mm_research import backtest as module
from mm_research.backtest import Result, backtest
from mm_research.importer import import_ws_lines
from mm_service.config import load_config
from mm_store.tape import Tape, read_tape
from mm_store.ws_lines import WsLines
from mm_venues.binance.define import define

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "deploy" / "config"


def imported(data: Path, symbol: str, files: list[Path], tick: str, lot: str) -> list[Path]:
    """The tapes of recorded files, in a data root."""
    lines = WsLines(files)
    found = import_ws_lines(lines, define(symbol, lines, tick=tick, lot=lot), data, lambda _done, _total: None)
    return [folder / f"tape_{symbol}_{folder.name}.parquet" for folder in found.folders]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data root with the synthetic sample."""
    data = tmp_path_factory.mktemp("data")
    imported(data, "SYNTH", [ROOT / "samples" / "synth.gz"], "0.01", "0.0001")
    return data


def sample_tape(data: Path) -> Tape:
    """The tape of the sample."""
    return read_tape([data / "binance" / "SYNTH" / "20260101" / "tape_SYNTH_20260101.parquet"])


def command(*args: object) -> subprocess.CompletedProcess[str]:
    """`crypto-mm backtest` of the sample's symbol in a process of its own."""
    arguments = [sys.executable, "-m", "mm_cli", "backtest", *map(str, args)]
    return subprocess.run(arguments, capture_output=True, text=True, check=False, cwd=ROOT)


def assert_exact(result: Result) -> None:
    """Total = realised + unrealised - fees = spread + inventory - fees, in every row."""
    pnl = result.pnl
    total = pc.add(pnl["total"], pnl["fees"])
    assert total.equals(pc.add(pnl["realised"], pnl["unrealised"]))
    assert total.equals(pc.add(pnl["spread"], pnl["inventory"]))


def test_the_sample_trades_and_its_result_is_split_exactly(sample: Path) -> None:
    tape = sample_tape(sample)
    result = backtest(tape, tape.instrument, load_config(CONFIGS / "paper.toml", (), {}))
    summary = result.summary()
    assert (summary["rows"], result.complete) == (len(tape), True)
    assert summary["orders"] > 100
    assert summary["fills"] > 20
    assert summary["fills"] == len(result.fills)
    assert_exact(result)
    assert result.state["ts_ns"].to_pylist() == sorted(set(result.state["ts_ns"].to_pylist()))


def test_the_same_run_gives_the_same_bytes_however_it_is_cut(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tape, config = sample_tape(sample), load_config(CONFIGS / "paper.toml", (), {})
    backtest(tape, tape.instrument, config, tmp_path / "whole")
    monkeypatch.setattr(module, "_STRIDE_ROWS", 7)
    monkeypatch.setattr(module, "_DRAIN_ROWS", 1)
    backtest(tape, tape.instrument, config, tmp_path / "cut")
    for name in ("quotes", "orders", "fills", "state", "pnl", "kpi_spread"):
        assert (tmp_path / "whole" / f"{name}.csv").read_bytes() == (tmp_path / "cut" / f"{name}.csv").read_bytes()
    manifests = [(tmp_path / name / "manifest.json").read_bytes() for name in ("whole", "cut")]
    assert manifests[0] == manifests[1]


def test_a_stopped_run_stores_what_was_done_and_reports_it(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tape, config = sample_tape(sample), load_config(CONFIGS / "paper.toml", (), {})
    monkeypatch.setattr(module, "_STRIDE_ROWS", 100)
    result = backtest(tape, tape.instrument, config, tmp_path, progress=lambda done, _total: done < 3_000)
    assert not result.complete
    assert 3_000 <= result.rows < 3_200
    assert_exact(result)
    assert json.loads((tmp_path / "manifest.json").read_text())["complete"] is False
    assert json.loads((tmp_path / "summary.json").read_text())["complete"] is False


def test_ctrl_c_asks_the_run_to_end() -> None:
    before = signal.getsignal(signal.SIGINT)
    with _progress() as progress:
        assert progress(1, 2)
        signal.raise_signal(signal.SIGINT)
        assert not progress(1, 2)
        assert signal.getsignal(signal.SIGINT) is before  # a second one ends at once
    assert signal.getsignal(signal.SIGINT) is before


def test_a_tape_without_rows_is_bad_input(sample: Path) -> None:
    tape = sample_tape(sample)
    with pytest.raises(InputError, match=r"binance\.SYNTH: no rows"):
        backtest(tape.part(slice(0, 0)), tape.instrument, load_config(None, (), {}))


def test_the_command_prints_its_object_and_leaves_a_session(sample: Path, tmp_path: Path) -> None:
    days = ["--data", sample, "--symbol", "SYNTH", "--day", "20260101", "--config", CONFIGS / "paper.toml"]
    done = command(*days, "--out", tmp_path, "--set", "quoter.levels=2", "--json")
    assert (done.returncode, done.stderr.splitlines()[1:]) == (0, [])
    assert done.stderr.startswith("note: position: [quoter] position_max_base 1.0 binds; ")
    printed = json.loads(done.stdout.splitlines()[-1])
    assert printed.keys() >= {
        "rows",
        "seconds",
        "rows_per_s",
        "orders",
        "fills",
        "position",
        "pnl",
        "fill_model",
        "session",
        "book",
        "trading",
        "denied",
        "rejected",
        "quoted_share",
        "why",
        "notes",
        "ratios",
        "drawdown_max",
    }
    assert printed["ratios"].keys() == {"fill_orders", "fill_qty", "cancel", "order_to_trade"}
    assert printed["pnl"].keys() == {"total", "realised", "unrealised", "fees", "spread", "inventory"}
    assert printed["digests"].keys() == {"orders", "fills", "positions"}
    assert printed["session"] == str(tmp_path)
    assert json.loads((tmp_path / "summary.json").read_text()).items() >= printed.items()
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["config"]["quoter"]["levels"] == 2
    refused = command(*days, "--out", tmp_path)
    assert (refused.returncode, "expected --force to write over it" in refused.stderr) == (2, True)
    shown = command(*days, "--out", tmp_path, "--force")
    assert (shown.returncode, "realised" in shown.stdout) == (0, True)
    assert shown.stdout.splitlines()[0].startswith("book        VALID at the end; VALID 100 % of the time")


def test_bad_input_is_one_line_and_exit_code_2(sample: Path, tmp_path: Path) -> None:
    off_grid = {"kind": [0], "side": [1], "price": [0.15], "qty": [1.0], "exch_ts_ns": [1], "local_ts_ns": [1]}
    pq.write_table(pa.table(off_grid), tmp_path / "off.parquet")
    (tmp_path / "file").touch()
    days: list[Any] = ["--data", sample, "--symbol", "SYNTH", "--day", "20260101"]
    neutral = ["--tape", tmp_path / "off.parquet", "--tick", "0.1", "--lot", "0.001"]
    for args, message in (
        ([*days[:4], "--day", "20260102"], "no tape of 20260102; expected days that `crypto-mm import` wrote"),
        ([*days[:4], "--day", "2026-01-01"], "--day 2026-01-01: expected YYYYMMDD or YYYYMMDD..YYYYMMDD"),
        ([*days, "--set", "quoter.levles=1"], "[quoter] levles: unknown key; did you mean [quoter] levels?"),
        ([*days, "--set", "quoter.order_qty_base=0.00015"], "is not a multiple of the lot 0.0001"),
        ([*days, *neutral], "expected either --data"),
        ([*neutral[:4]], "--lot: missing"),
        (neutral, "off.parquet: row 0: price 0.15"),
        ([], "expected either --data"),
    ):
        done = command(*args, "--out", tmp_path / "out")
        errors = [line for line in done.stderr.splitlines() if not line.startswith("note: ")]
        assert (done.returncode, done.stdout, len(errors)) == (2, "", 1), done
        assert message in errors[0]
    done = command(*days, "--out", tmp_path / "file" / "out")
    assert (done.returncode, done.stderr.count("error: ")) == (2, 1), done
    assert "cannot be written" in done.stderr


@pytest.mark.parametrize("text", ["", "2024", "20240808..", "20240809..20240808", "20240231", "20240808,20240809"])
def test_days_are_named_in_full(text: str) -> None:
    with pytest.raises(InputError, match="--day"):
        days_of(text)


def test_a_range_of_days_has_both_ends() -> None:
    assert days_of("20240228..20240301") == ["20240228", "20240229", "20240301"]


@pytest.mark.parametrize(
    ("symbol", "files", "tick", "lot"),
    [
        ("BTCUSDT", ["btcusdt_20240808.gz", "btcusdt_20240809.gz"], "0.01", "0.00001"),
        ("NEXOUSDT", ["nexousdt_20240723.dat.gz", "nexousdt_20240724.dat.gz"], "0.001", "0.01"),
    ],
)
def test_a_real_recording_trades_and_its_result_is_split_exactly(
    shared_data: Path, tmp_path: Path, symbol: str, files: list[str], tick: str, lot: str
) -> None:
    paths = imported(tmp_path, symbol, [shared_data / "binance_spot" / name for name in files], tick, lot)
    tape = read_tape(paths)
    result = backtest(tape, tape.instrument, load_config(CONFIGS / f"{symbol.lower()}.toml", (), {}))
    assert result.recording.has_mid.mean() > 0.99
    assert len(result.fills) > 100
    assert_exact(result)
