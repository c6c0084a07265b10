"""The tape of a session's log: a backtest of it, with the session's configuration, decides what the session decided."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from mm_cli.app import app
from mm_core import events as e
from mm_core.types import Command, InputError
from mm_store.log_file import writing_log
from mm_store.log_read import read_log

TABLES = ("quotes", "orders", "fills", "state", "pnl", "kpi_spread")
MS = 1_000_000
Log = list[e.AnyEvent]


def invoke(*arguments: object) -> tuple[str, str]:
    """Standard output and error of a command that succeeds."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout, result.stderr


def last_json(text: str) -> Any:
    return json.loads(text.splitlines()[-1])


def backtest_of(session: Path, config: Path, out: Path) -> tuple[Any, Any]:
    """What the import of a session and the backtest of its tape print."""
    imported = last_json(invoke("import", "--from", "session", "--out", out / "data", "--json", session)[0])
    symbol = imported["instrument"]["venue_symbol"]
    days = ["--day", f"{imported['days'][0]}..{imported['days'][-1]}"]
    chosen = ["--data", out / "data", "--symbol", symbol, *days, "--config", config]
    return imported, last_json(invoke("backtest", *chosen, "--out", out / "backtest", "--json")[0])


def paper(files: list[Path], symbol: str, config: Path, out: Path) -> Any:
    source = "replay:" + ",".join(str(file) for file in files)
    arguments = ["--symbol", symbol, "--source", source, "--config", config, "--out", out]
    return last_json(invoke("paper", *arguments, "--json")[0])


@pytest.fixture(scope="module")
def config(pytestconfig: pytest.Config) -> Path:
    """The configuration of the sample's session."""
    return pytestconfig.rootpath / "deploy" / "config" / "paper.toml"


@pytest.fixture(scope="module")
def session(pytestconfig: pytest.Config, config: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A paper session on the synthetic recording."""
    folder = tmp_path_factory.mktemp("session")
    assert paper([pytestconfig.rootpath / "samples" / "synth.gz"], "SYNTH", config, folder)["fills"] > 50
    return folder


@pytest.fixture
def changed(session: Path, tmp_path: Path) -> Callable[[Log], Path]:
    """What makes a copy of the session with another log."""

    def write(log: Log) -> Path:
        folder = tmp_path / "changed"
        folder.mkdir()
        for name in ("manifest.json", "summary.json"):
            shutil.copy(session / name, folder)
        with writing_log(folder) as take:
            for event in log:
                take(event)
        return folder

    return write


def assert_same_tables(session: Path, backtest: Path) -> None:
    for table in TABLES:
        assert (session / f"{table}.csv").read_bytes() == (backtest / f"{table}.csv").read_bytes(), table


def test_the_backtest_of_a_sessions_tape_is_the_session(session: Path, config: Path, tmp_path: Path) -> None:
    imported, traded = backtest_of(session, config, tmp_path)
    summary = json.loads((session / "summary.json").read_text())
    assert {key: traded[key] for key in ("orders", "fills", "position", "pnl", "digests")} == {
        key: summary[key] for key in ("orders", "fills", "position", "pnl", "digests")
    }
    assert_same_tables(session, tmp_path / "backtest")
    assert (imported["restamped"], imported["ticks_behind"], imported["days"]) == (0, 1, ["20260101"])


def test_a_sessions_tape_is_the_tape_of_its_recording(
    pytestconfig: pytest.Config, session: Path, tmp_path: Path
) -> None:
    invoke("import", "--from", "session", "--out", tmp_path / "one", session)
    sizes = ["--tick", "0.01", "--lot", "0.0001"]
    recording = pytestconfig.rootpath / "samples" / "synth.gz"
    invoke("import", "--symbol", "SYNTH", *sizes, "--out", tmp_path / "two", recording)
    tape = Path("binance", "SYNTH", "20260101", "tape_SYNTH_20260101.parquet")
    assert (tmp_path / "one" / tape).read_bytes() == (tmp_path / "two" / tape).read_bytes()


@pytest.mark.slow
def test_the_real_session_and_the_backtest_of_its_tape_agree(
    pytestconfig: pytest.Config, shared_data: Path, tmp_path: Path
) -> None:
    files = [shared_data / "binance_spot" / f"btcusdt_2024080{day}.gz" for day in (8, 9)]
    real = pytestconfig.rootpath / "deploy" / "config" / "btcusdt.toml"
    live = paper(files, "BTCUSDT", real, tmp_path / "session")
    imported, traded = backtest_of(tmp_path / "session", real, tmp_path)
    assert live["fills"] > 100
    assert traded["digests"] == live["digests"]
    assert_same_tables(tmp_path / "session", tmp_path / "backtest")
    assert imported["days"] == ["20240808", "20240809"]


def test_the_logged_times_hold_where_the_offset_was_another_for_a_while(
    session: Path, changed: Callable[[Log], Path], config: Path, tmp_path: Path
) -> None:
    """As on a bus, whose clock is measured anew: receive times that the manifest's offset does not lead on from."""
    log: Log = []
    moved = 0
    for event in read_log(session):
        is_moved = isinstance(event, e.BookDelta | e.Trade) and event.root_seq % 1_000 < 500
        log.append(msgspec.structs.replace(event, recv_ns=event.recv_ns - 7 * MS) if is_moved else event)  # type: ignore[union-attr]
        moved += is_moved
    imported, traded = backtest_of(changed(log), config, tmp_path)
    assert traded["digests"] == json.loads((session / "summary.json").read_text())["digests"]
    assert moved > 500
    assert 500 < imported["restamped"] <= moved  # a diff that waited for the snapshot has its time from another root


def test_ticks_behind_the_last_market_data_are_warned_of(session: Path, changed: Callable[[Log], Path]) -> None:
    log = list(read_log(session))
    last = next(event for event in reversed(log) if isinstance(event, e.Tick))
    later = msgspec.structs.replace(last, ts_ns=last.ts_ns + 100 * MS, local_ns=last.local_ns + 100 * MS)
    folder = changed([*log, later])
    traded, warned = invoke("import", "--from", "session", "--out", folder / "data", "--json", folder)
    assert last_json(traded)["ticks_behind"] == 2
    assert "warning: 2 Ticks behind the last market data; a backtest of the tape has one there" in warned


def test_a_session_with_an_operators_command_is_refused(session: Path, changed: Callable[[Log], Path]) -> None:
    log = list(read_log(session))
    halt = e.OperatorCommand(ts_ns=1, recv_ns=1, local_ns=1, root_seq=77, command=Command.HALT)
    folder = changed([*log[:100], halt, *log[100:]])
    with pytest.raises(InputError, match=r"log: root 77 is an operator's HALT, which a tape cannot"):
        invoke("import", "--from", "session", "--out", folder / "data", folder)
    assert not (folder / "data").exists()


def test_a_log_whose_time_runs_back_is_refused(session: Path, changed: Callable[[Log], Path]) -> None:
    log = list(read_log(session))
    at = next(n for n, event in enumerate(log) if n > 100 and isinstance(event, e.Trade))
    log[at] = msgspec.structs.replace(log[at], local_ns=1)
    folder = changed(log)
    with pytest.raises(InputError, match=r"root \d+: local_ns 1; expected \d+ or more"):
        invoke("import", "--from", "session", "--out", folder / "data", folder)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--from", "session", "--symbol", "SYNTH"], "--symbol: the session's manifest has it"),
        (["--from", "session", "--tick", "1"], "--tick: the session's manifest has it"),
        (["--from", "session", "more"], "more: a second session; expected one session folder"),
        (["--from", "frames"], "--from frames: expected ws-lines or session"),
        ([], "--symbol: missing; expected the venue's symbol"),
    ],
)
def test_options_that_do_not_fit_are_one_clear_line(
    session: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    with pytest.raises(InputError) as error:
        invoke("import", "--out", tmp_path, session, *arguments)
    assert message in str(error.value)


def test_a_backtests_folder_has_no_log_and_is_refused(session: Path, config: Path, tmp_path: Path) -> None:
    backtest_of(session, config, tmp_path)
    with pytest.raises(InputError, match=r"backtest: a session of `backtest` without log; expect"):
        invoke("import", "--from", "session", "--out", tmp_path / "no", tmp_path / "backtest")
    with pytest.raises(InputError, match="a session of `backtest` without log"):
        invoke("verify", "--session", tmp_path / "backtest")
