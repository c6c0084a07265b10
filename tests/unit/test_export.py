"""`crypto-mm export` of a folder: what a session leaves, from its log alone."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from mm_cli.app import app
from mm_core.setup.config import to_config
from mm_core.types import NS_PER_S, InputError
from mm_research.paper import paper
from mm_research.table_writer import TABLES
from mm_store.log_file import LogWriter
from mm_store.log_read import log_files, read_log, read_records
from mm_store.ws_lines import WsLines
from mm_venues.binance.define import define

CONFIG: dict[str, Any] = {"fixed_spread": {"half_spread_ticks": 2.0}, "quoter": {"levels": 2}}
FILES = [f"{table}.{kind}" for table in TABLES for kind in ("csv", "parquet")]


@pytest.fixture(scope="module")
def ended(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session that came to its end."""
    folder = tmp_path_factory.mktemp("ended")
    lines = WsLines([pytestconfig.rootpath / "samples" / "synth.gz"])
    instrument = define("SYNTH", lines, tick="0.01", lot="0.0001").instrument
    paper(lines, instrument, to_config(CONFIG), folder, duration_ns=20 * NS_PER_S)
    return folder


@pytest.fixture
def failed(ended: Path, tmp_path: Path) -> Path:
    """One that did not: its log, and what it began with."""
    folder = tmp_path / "failed"
    shutil.copytree(ended / "log", folder / "log")
    manifest = json.loads((ended / "manifest.json").read_text())
    begun = {name: manifest[name] for name in ("command", "core_digest", "config", "instrument")}
    begun |= {"inputs": [], "runtime": {"bus": {"group": "other"}}}
    (folder / "session.json").write_text(json.dumps(begun))
    return folder


def crypto_mm(*arguments: str) -> Result:
    """The command, which ends well."""
    result = CliRunner().invoke(app, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result


def last_line(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return found


def test_a_session_that_failed_gets_the_files_of_one_that_ended(ended: Path, failed: Path) -> None:
    printed = last_line(crypto_mm("export", "--session", str(failed), "--json"))
    for name in FILES:
        assert (failed / name).read_bytes() == (ended / name).read_bytes(), name
    whole, summary = (json.loads((folder / "summary.json").read_text()) for folder in (ended, failed))
    assert summary["complete"] is False
    assert {name: summary[name] for name in ("digests", "pnl", "orders", "why")} == {
        name: whole[name] for name in ("digests", "pnl", "orders", "why")
    }
    assert printed["digests"] == whole["digests"]
    assert last_line(crypto_mm("verify", "--session", str(failed), "--json"))["digests_differ"] == []
    with pytest.raises(InputError, match="holds all files of its session"):
        crypto_mm("export", "--session", str(failed))


def test_another_folder_gets_the_log_too_and_nothing_is_written_over(ended: Path, failed: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    crypto_mm("export", "--session", str(failed), "--out", str(out))
    assert sorted(path.name for path in failed.iterdir()) == ["log", "session.json"]
    assert list(read_records(out)) == list(read_records(ended))
    assert (out / "fills.csv").read_bytes() == (ended / "fills.csv").read_bytes()
    crypto_mm("verify", "--session", str(out))
    before = (out / "fills.csv").stat().st_mtime_ns
    with pytest.raises(InputError, match="is not empty; expected a new folder"):
        crypto_mm("export", "--session", str(failed), "--out", str(out))
    assert (out / "fills.csv").stat().st_mtime_ns == before


def test_an_unfinished_session_is_verified_without_digests(failed: Path) -> None:
    """Its log is cut in the middle, as a killed session leaves it."""
    records = list(read_records(failed))
    shutil.rmtree(failed / "log")
    with LogWriter(failed) as writer:
        for number, record in enumerate(records[: len(records) // 2]):
            writer.append(record)
            if number % 100 == 0:
                writer.flush()
    (file,) = log_files(failed)
    file.write_bytes(file.read_bytes()[:-1])
    result = crypto_mm("verify", "--session", str(failed), "--json")
    assert "has no summary: it has not come to its end" in result.stderr
    found = last_line(result)
    assert (found["ok"], found["digests_differ"]) == (True, None)
    assert found["events"] == len(list(read_log(failed))) > 100
    crypto_mm("export", "--session", str(failed))
    assert last_line(crypto_mm("verify", "--session", str(failed), "--json"))["digests_differ"] == []


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        ((), "expected --session <folder>, or --group <name>"),
        (("--session", "x", "--group", "main"), "expected --session <folder>, or --group <name>"),
        (("--session", "nowhere"), "manifest.json: No such file or directory"),
        (("--group", "main"), "export --group: expected --out"),
        (("--group", "nobody", "--out", "new"), "--group nobody: no such session runs here"),
    ],
)
def test_what_cannot_be_exported_is_one_line(
    arguments: tuple[str, ...], wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MM_STATE_DIR", str(tmp_path))
    with pytest.raises(InputError, match=wrong):
        crypto_mm("export", *arguments)
    assert not list(tmp_path.iterdir())
