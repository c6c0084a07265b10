"""Live against offline over a real nats-server: services, one process and the backtest decide the same bytes."""

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.session import CONFIG, ROOT, SAMPLE, environment, log_bytes, paper_command, session, summary_of

RECORDING = [ROOT.parent / "shared/data/binance_spot" / f"btcusdt_2024080{day}.gz" for day in (8, 9)]
SESSION_S = 300.0
TABLES = ("quotes", "orders", "fills", "state", "pnl", "kpi_spread")
# What a session's summary and that of its backtest have in common.
SHARED = (
    "digests",
    "pnl",
    "spread_captured_pct",
    "half_spread_bps",
    "censored_fills",
    "orders",
    "fills",
    "ratios",
    "drawdown_max",
    "position",
    "book",
    "trading",
    "denied",
    "rejected",
    "quoted_share",
    "why",
)


def paper(folder: Path, name: str, *options: str, **source: Any) -> dict[str, Any]:
    """The summary of a session in `<folder>/<name>`."""
    with session(paper_command(folder / name, *options, **source), folder) as process:
        return summary_of(process, SESSION_S)


def command(state: Path, *arguments: str) -> dict[str, Any]:
    """The JSON of another command."""
    done = subprocess.run(
        [sys.executable, "-m", "mm_cli", *arguments, "--json"],
        env=environment(state),
        capture_output=True,
        text=True,
        timeout=SESSION_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    summary: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return summary


def backtest(folder: Path, of: Path, *options: str) -> dict[str, Any]:
    """The backtest of a session's own tape, into `<folder>/backtest`."""
    command(folder, "import", "--from", "session", "--out", str(folder / "data"), str(of))
    manifest = json.loads((of / "manifest.json").read_text())
    venue, symbol = manifest["instrument"]["instrument_id"].split(".")
    days = sorted(path.name for path in (folder / "data" / venue / symbol).iterdir())
    source = ["--data", str(folder / "data"), "--venue", venue, "--symbol", symbol, "--day", f"{days[0]}..{days[-1]}"]
    return command(folder, "backtest", *source, "--config", str(CONFIG), "--out", str(folder / "backtest"), *options)


def assert_equal_tables(one: Path, other: Path) -> None:
    """Every table of two session folders is the same file."""
    differing = [name for name in TABLES if (one / f"{name}.csv").read_bytes() != (other / f"{name}.csv").read_bytes()]
    assert differing == []


def test_services_one_process_and_the_backtest_decide_alike(tmp_path: Path) -> None:
    bus = paper(tmp_path, "bus")
    memory = paper(tmp_path, "memory", "--bus", "memory")
    assert log_bytes(tmp_path / "bus") == log_bytes(tmp_path / "memory")
    for key in ("feed", "left_out", *SHARED):
        assert bus[key] == memory[key], key
    assert bus["fills"] > 50
    tested = backtest(tmp_path, tmp_path / "bus")
    assert {key: tested[key] for key in SHARED} == {key: bus[key] for key in SHARED}
    assert_equal_tables(tmp_path / "bus", tmp_path / "memory")
    assert_equal_tables(tmp_path / "bus", tmp_path / "backtest")


def test_bad_lines_are_left_out_alike_on_both_buses(tmp_path: Path) -> None:
    lines = gzip.decompress(SAMPLE.read_bytes()).splitlines(keepends=True)
    damaged = tmp_path / "damaged.txt"
    damaged.write_bytes(
        b"".join([*lines[:900], b"no time\n", lines[899][:80] + b"\n", *lines[900:1800], lines[1800][:90]])
    )
    source = f"replay:{damaged}"
    grid = ["--symbol", "SYNTH", "--tick", "0.01", "--lot", "0.0001", "--salvage"]
    bus = paper(tmp_path, "bus", *grid, source=source)
    memory = paper(tmp_path, "memory", *grid, "--bus", "memory", source=source)
    assert {kind: each["count"] for kind, each in bus["left_out"].items()} == {"no receive time": 1, "bad frame": 2}
    assert bus["left_out"]["bad frame"]["first"].startswith(f"{damaged}:902: ")
    assert log_bytes(tmp_path / "bus") == log_bytes(tmp_path / "memory")
    for key in ("feed", "left_out", *SHARED):
        assert bus[key] == memory[key], key


def test_clickhouse_holds_what_the_log_holds(tmp_path: Path) -> None:
    summary = paper(tmp_path, "bus", "--duration", "30s")
    feed, store = summary["feed"], summary["store"]
    assert store["deltas"] == feed["depth_applied"]
    assert store["trades"] == feed["trades"]
    assert store["book_tops"] == feed["book_tops"]
    assert (store["orders"], store["fills"]) == (summary["orders"], summary["fills"])
    assert summary["fills"] > 0


def test_a_session_by_the_clock_equals_its_replay_and_its_backtest(tmp_path: Path) -> None:
    # Quotes begin when the volatility is warm. BookTop decides nothing: by the clock, a Tick may come before one that a
    # replay has behind it, so without them the whole log is equal.
    soon = ["--set", "signals.volatility_half_life_s=1.0", "--set", "bus.book_top=false"]
    live = paper(tmp_path, "live", "--duration", "12s", *soon, source=f"paced:{SAMPLE}")
    assert live["orders"] > 0
    assert live["speed_x"] < 2  # by the clock
    frames = next((tmp_path / "live" / "frames").iterdir())
    grid = ["--tick", "0.01", "--lot", "0.0001", "--symbol", "SYNTH"]
    replay = paper(tmp_path, "replay", *grid, *soon, source=f"replay:{frames}")
    assert log_bytes(tmp_path / "live") == log_bytes(tmp_path / "replay")
    assert_equal_tables(tmp_path / "live", tmp_path / "replay")
    assert replay["digests"] == live["digests"] == backtest(tmp_path, tmp_path / "live", *soon)["digests"]
    assert command(tmp_path, "verify", "--session", str(tmp_path / "live"))["ok"]


@pytest.mark.skipif(not RECORDING[0].exists(), reason="the recordings are not here: ../shared/data/binance_spot")
def test_a_minute_of_a_real_market_on_both_buses(tmp_path: Path) -> None:
    source = f"replay:{','.join(map(str, RECORDING))}"
    config = ROOT / "deploy/config/btcusdt.toml"
    bus = paper(tmp_path, "bus", "--duration", "60s", source=source, config=config)
    memory = paper(tmp_path, "memory", "--duration", "60s", "--bus", "memory", source=source, config=config)
    assert log_bytes(tmp_path / "bus") == log_bytes(tmp_path / "memory")
    assert bus["digests"] == memory["digests"]
    assert bus["orders"] > 20
