"""The figures of a session equal those that a small script finds in its log."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.figures.recompute import differences, recompute

from mm_core.types import NS_PER_S
from mm_research.paper import paper
from mm_service.config import load_config
from mm_store.ws_lines import WsLines
from mm_venues.binance.define import define

SIZES = {"SYNTH": "0.0001", "BTCUSDT": "0.00001"}


def traded(folder: Path, config: Path, given: list[str], files: list[Path], symbol: str, seconds: int) -> Any:
    """A session of so many seconds; its summary."""
    lines = WsLines(files)
    instrument = define(symbol, lines, tick="0.01", lot=SIZES[symbol]).instrument
    result = paper(lines, instrument, load_config(config, given), folder, duration_ns=seconds * NS_PER_S)
    return result.summary()


@pytest.mark.parametrize(("venue_top", "decide_on"), [("true", "tick"), ("false", "touch"), ("true", "top")])
def test_a_session_of_the_sample_is_found_again(
    tmp_path: Path, pytestconfig: pytest.Config, venue_top: str, decide_on: str
) -> None:
    root = pytestconfig.rootpath
    given = [f"exchange.venue_top={venue_top}", f"book.decide_on={decide_on}", "quoter.levels=2"]
    config = root / "deploy" / "config" / "paper.toml"
    summary = traded(tmp_path, config, given, [root / "samples" / "synth.gz"], "SYNTH", 120)
    assert summary["fills"] > 100
    assert differences(tmp_path) == []


def test_a_session_of_the_real_recording_is_found_again(
    tmp_path: Path, shared_data: Path, pytestconfig: pytest.Config
) -> None:
    config = pytestconfig.rootpath / "deploy" / "config" / "btcusdt.toml"
    files = [shared_data / "binance_spot" / "btcusdt_20240808.gz"]
    summary = traded(tmp_path, config, [], files, "BTCUSDT", 300)
    assert summary["fills"] > 10
    captured = summary["spread_captured_pct"]
    assert captured["0s"] < 50  # against a mid of up to 100 ms before it was about 100 %
    assert captured["1s"] < captured["0s"]
    assert differences(tmp_path) == []


def test_a_figure_that_differs_is_named(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    root = pytestconfig.rootpath
    config = root / "deploy" / "config" / "paper.toml"
    traded(tmp_path, config, [], [root / "samples" / "synth.gz"], "SYNTH", 30)
    path = tmp_path / "summary.json"
    summary = json.loads(path.read_text())
    summary["spread_captured_pct"]["1s"] += 0.001
    path.write_text(json.dumps(summary))
    assert differences(tmp_path) == ["spread_captured_pct/1s"]
    arguments = [sys.executable, "-m", "tests.figures.recompute", str(tmp_path)]
    done = subprocess.run(arguments, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == len(recompute(tmp_path)) > 20
