"""The paper session as a command: equal to itself, and to the backtest of the imported recording."""

import json
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mm_cli.app import app
from mm_core.events import BookTop, Root
from mm_core.setup.config import to_config
from mm_core.types import InputError
from mm_research.paper import paper
from mm_store.log_read import log_files, read_log
from mm_store.ws_lines import WsLines
from mm_venues.binance.define import define

FEED_KEYS = (
    *("depth_received", "depth_dropped", "depth_applied", "gaps", "crossed"),
    *("trades", "trade_gaps", "trades_late", "touch_checked", "touch_equal"),
)
TABLES = ("quotes", "orders", "fills", "state", "pnl", "kpi_spread")
QUOTES = [
    *("--set", "fixed_spread.half_spread_ticks={}"),
    *("--set", "exchange.queue=power_prob:3"),
    *("--set", "quoter.levels=2"),
]


@pytest.fixture
def sample(pytestconfig: pytest.Config) -> Path:
    """The synthetic recording of the repository."""
    return pytestconfig.rootpath / "samples" / "synth.gz"


def invoke(*arguments: object) -> str:
    """Standard output of the command."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def replay(symbol: str, files: list[Path], *arguments: object) -> Any:
    """The JSON of a paper session."""
    source = "replay:" + ",".join(str(file) for file in files)
    chosen = ["--venue", "binance", "--symbol", symbol, "--source", source, "--bus", "memory", "--json"]
    printed = invoke("paper", *chosen, *arguments)
    return json.loads(printed.splitlines()[-1])


def assert_parity(symbol: str, files: list[Path], sizes: list[str], out: Path, quotes: list[str]) -> Any:
    """Two sessions and the backtest of the recording agree in digests and tables; returns what paper printed."""
    first = replay(symbol, files, *sizes, *quotes, "--out", out / "first")
    second = replay(symbol, files, *sizes, *quotes, "--out", out / "second")
    assert [first[key] for key in ("feed", "pnl", "digests")] == [second[key] for key in ("feed", "pnl", "digests")]
    invoke("import", "--symbol", symbol, "--out", out / "data", *sizes, *files)
    days = sorted(folder.name for folder in (out / "data" / "binance" / symbol).iterdir())
    chosen = ["--data", out / "data", "--symbol", symbol, "--day", f"{days[0]}..{days[-1]}", *quotes]
    printed = json.loads(invoke("backtest", *chosen, "--out", out / "backtest", "--json").splitlines()[-1])
    figures = ("ratios", "drawdown_max", "spread_captured_pct", "half_spread_bps", "censored_fills")
    keys = ("orders", "fills", "position", "pnl", *figures, "digests")
    assert {key: first[key] for key in keys} == {key: printed[key] for key in keys}
    for one, other in pairwise(("first", "second", "backtest")):
        for table in TABLES:
            assert (out / one / f"{table}.csv").read_bytes() == (out / other / f"{table}.csv").read_bytes()
    logs = [log_files(out / name)[0].read_bytes() for name in ("first", "second")]
    assert logs[0] == logs[1]
    return first


def test_the_sample_is_decided_the_same_twice_and_by_a_backtest(sample: Path, tmp_path: Path) -> None:
    quotes = [each.format("2.0") for each in QUOTES]
    printed = assert_parity("SYNTH", [sample], ["--tick", "0.01", "--lot", "0.0001"], tmp_path, quotes)
    assert printed["fills"] > 100
    assert None not in printed["spread_captured_pct"].values()
    assert [key for key in FEED_KEYS if key not in printed["feed"]] == []
    assert printed["session"] == str(tmp_path / "first")


def test_the_real_recording_is_decided_the_same_twice_and_by_a_backtest(shared_data: Path, tmp_path: Path) -> None:
    files = [shared_data / "binance_spot" / f"btcusdt_2024080{day}.gz" for day in (8, 9)]
    quotes = [each.format("100.0") for each in QUOTES]
    printed = assert_parity("BTCUSDT", files, ["--tick", "0.01", "--lot", "0.00001"], tmp_path, quotes)
    assert printed["fills"] > 100
    assert printed["feed"]["trades_late"] == 2_437


def test_a_session_folder_holds_the_log_with_all_roots_in_their_order(sample: Path, tmp_path: Path) -> None:
    replay("SYNTH", [sample], "--tick", "0.01", "--lot", "0.0001", "--out", tmp_path, "--duration", "10s")
    roots = [event for event in read_log(tmp_path) if isinstance(event, Root)]
    assert [root.root_seq for root in roots] == list(range(1, len(roots) + 1))
    assert any(isinstance(root, BookTop) for root in roots)


def test_duration_ends_a_session_in_market_time(sample: Path) -> None:
    printed = replay("SYNTH", [sample], "--duration", "10s")
    assert printed["market_s"] == pytest.approx(10, abs=0.2)
    assert printed["session"] is None


def test_frames_are_paced_against_the_wall_clock(sample: Path) -> None:
    printed = replay("SYNTH", [sample], "--duration", "4s", "--speed", "10x")
    assert 8 < printed["speed_x"] <= 11


def test_people_read_a_summary_and_where_tick_and_lot_come_from(sample: Path) -> None:
    arguments = ["--venue", "binance", "--symbol", "SYNTH", "--source", f"replay:{sample}", "--bus", "memory"]
    printed = invoke("paper", *arguments)
    assert "tick        0.01 (inferred from 4693 prices)" in printed
    assert "touch       equal to the venue's 115 of 115 times" in printed
    assert "session     not written: no --out" in printed


def test_a_wish_to_stop_ends_between_two_frames_and_what_was_done_counts(sample: Path) -> None:
    lines = WsLines([sample])
    instrument = define("SYNTH", lines, tick="0.01", lot="0.0001").instrument
    result = paper(lines, instrument, to_config({}), progress=lambda _standing: False)
    assert not result.complete
    assert result.recording.samples["local_ns"][-1] % 100_000_000 == 0  # the close is a Tick
    assert result.market_s < 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--bus", "kafka"], "--bus kafka: expected nats or memory"),
        (["--venue", "mars"], "--venue mars: expected binance"),
        (["--source", "live:"], "--source live:: expected live, replay:<file>"),
        (["--source", "replay:a,,b"], "--source replay:a,,b: expected live, replay:<file>"),
        (["--profile", "bold"], "--profile bold: expected conservative or aggressive"),
        (["--source", "replay:absent.gz"], "absent.gz: No such file or directory; expected a file of recorded frames"),
        (["--speed", "0"], "--speed 0: expected max, or a number above 0"),
        (["--speed", "fast"], "--speed fast: expected max"),
        (["--duration", "soon"], "--duration soon: expected a number and a unit"),
        (["--set", "quoter.level=2"], "did you mean [quoter] levels?"),
    ],
)
def test_bad_options_are_one_clear_line(sample: Path, arguments: list[str], message: str) -> None:
    given = {"--source": f"replay:{sample}", "--symbol": "SYNTH", "--bus": "memory"} | dict([arguments])
    with pytest.raises(InputError) as error:
        invoke("paper", *[each for pair in given.items() for each in pair])
    assert message in str(error.value)


def test_lines_without_market_data_are_one_clear_line(tmp_path: Path) -> None:
    file = tmp_path / "lines.txt"
    file.write_text('1767225600082000 {"result":null,"id":1}\n')
    with pytest.raises(InputError, match=r"no market data of binance\.SYNTH"):
        invoke("paper", "--symbol", "SYNTH", "--source", f"replay:{file}", "--tick", "0.01", "--lot", "1")


def test_a_lot_that_does_not_fit_the_order_size_is_one_clear_line(sample: Path) -> None:
    arguments = ["--symbol", "SYNTH", "--source", f"replay:{sample}", "--tick", "0.01", "--lot", "0.0001"]
    with pytest.raises(InputError, match=r"\[quoter\] order_qty_base"):
        invoke("paper", *arguments, "--set", f"quoter.order_qty_base={Decimal('0.00015')}")
