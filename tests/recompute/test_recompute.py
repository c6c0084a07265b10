"""Sessions recomputed from their raw frames by other code: every root, answer, account and figure is the session's."""

import gzip
import json
import re
import shutil
import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.recompute.run import main, recompute
from typer.testing import CliRunner

from mm_cli.app import app

ANSWERS, ACCOUNTS = "answers of the venue", "account after a fill"
TIGHT = ("quoter.strategy=fixed_spread", "fixed_spread.half_spread_ticks=0.5")


class Recorded(NamedTuple):
    """Frame files of one market, under the folder of recorded data, and its configuration."""

    symbol: str
    files: tuple[str, ...]
    config: str


BTCUSDT = Recorded("BTCUSDT", ("btcusdt_20240808.gz", "btcusdt_20240809.gz"), "btcusdt.toml")
NEXOUSDT = Recorded("NEXOUSDT", ("nexousdt_20240723.dat.gz", "nexousdt_20240724.dat.gz"), "nexousdt.toml")


def paper(out: Path, symbol: str, files: Sequence[Path], config: Path, *options: str) -> None:
    """A paper session in one process."""
    given = ["--symbol", symbol, "--source", "replay:" + ",".join(map(str, files)), "--config", str(config)]
    given += ["--speed", "max", "--bus", "memory", "--out", str(out), *options]
    result = CliRunner().invoke(app, ["paper", *given], catch_exceptions=False)
    assert result.exit_code == 0, result.output


def settings(*values: str) -> list[str]:
    """Options that set keys of the configuration."""
    return [argument for value in values for argument in ("--set", value)]


@pytest.fixture(scope="module")
def sample(pytestconfig: pytest.Config) -> Path:
    """The frames of the bundled sample."""
    return pytestconfig.rootpath / "samples" / "synth.gz"


@pytest.fixture(scope="module")
def sessions(pytestconfig: pytest.Config, sample: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Sessions on the sample: with its own configuration, and one that waits in queues, four levels a side."""
    config, made = pytestconfig.rootpath / "deploy" / "config" / "paper.toml", {}
    for name, options in (("its own", ()), ("joining", (*TIGHT, "quoter.join_only=true", "quoter.levels=4"))):
        made[name] = tmp_path_factory.mktemp("session")
        paper(made[name], "SYNTH", [sample], config, *settings(*options))
    return made


@pytest.fixture
def copy(sessions: dict[str, Path], tmp_path: Path) -> Path:
    """A copy of the session that waits in queues, for a test to change."""
    return Path(shutil.copytree(sessions["joining"], tmp_path / "copy"))


def change(path: Path, *keys: str, value: Any) -> None:
    """Put another value into a JSON file."""
    content = part = json.loads(path.read_text())
    for key in keys[:-1]:
        part = part[key]
    assert part[keys[-1]] != value
    part[keys[-1]] = value
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(("name", "answers", "fills"), [("its own", 600, 99), ("joining", 1_200, 150)])
def test_the_sample_is_recomputed_to_the_last_digit(
    sessions: dict[str, Path], sample: Path, name: str, answers: int, fills: int
) -> None:
    table = recompute(sessions[name], [sample])
    assert table.first == {}
    assert table.equal["roots"] > 4_000
    assert table.equal["books"] == 1_200
    assert table.equal[ANSWERS] > answers
    assert table.equal[ACCOUNTS] > fills
    alone = ["orders", "fills", "position", "pnl total", "pnl spread", "pnl inventory", "fills before acceptance"]
    assert {each: table.equal[each] for each in alone} == dict.fromkeys(alone, 1)


def test_what_the_spread_earned_is_recomputed(sessions: dict[str, Path], sample: Path) -> None:
    table = recompute(sessions["its own"], [sample])
    names = [f"captured after {horizon}" for horizon in ("0s", "0.1s", "1s", "5s", "60s")]
    assert {name: table.first.get(name) for name in names} == dict.fromkeys(names)


@pytest.mark.parametrize(
    ("keys", "value", "row"),
    [
        (("exchange", "maker_fee"), "0.00002", ANSWERS),
        (("exchange", "entry_ms"), "11", ANSWERS),
        (("exchange", "queue"), "risk_averse", ANSWERS),
        (("exchange", "venue_top"), False, ANSWERS),
        (("exchange", "partial_fills"), False, ANSWERS),
        (("book", "stale_ms"), 90, "books"),
        (("clock", "offset_ns"), 1_000_000, "roots"),
    ],
    ids=lambda each: each[1] if isinstance(each, tuple) else str(each),
)
def test_another_term_is_reported(copy: Path, sample: Path, keys: tuple[str, ...], value: Any, row: str) -> None:
    change(copy / "manifest.json", "config", *keys, value=value)
    table = recompute(copy, [sample])
    assert table.exit_code == 1
    assert table.different.get(row, 0) > 0
    assert "recomputed" in table.first[row]


@pytest.mark.parametrize(
    ("keys", "value", "row"),
    [(("pnl", "total"), 0.25, "pnl total"), (("fills",), 7, "fills"), (("position",), 0.1, "position")],
    ids=lambda each: each[-1] if isinstance(each, tuple) else str(each),
)
def test_another_figure_is_reported(copy: Path, sample: Path, keys: tuple[str, ...], value: Any, row: str) -> None:
    change(copy / "summary.json", *keys, value=value)
    assert recompute(copy, [sample]).different[row] == 1


def test_another_frame_is_reported(sessions: dict[str, Path], sample: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed.gz"
    with gzip.open(sample, "rt") as file, gzip.open(changed, "wt") as out:
        text = file.read()
        lots = re.findall(r'"e":"trade"[^}]*"q":"([0-9.]+)"', text)[0]
        out.write(text.replace(f'"q":"{lots}"', f'"q":"{Decimal(lots) + Decimal("0.0001"):.8f}"', 1))
    table = recompute(sessions["its own"], [changed])
    assert "recomputed ('Trade'" in table.first["roots"]
    assert f"{int((Decimal(lots) + Decimal('0.0001')) / Decimal('0.0001'))})" in table.first["roots"]


def test_the_command_prints_the_table_and_fails_at_a_difference(
    copy: Path, sample: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    change(copy / "summary.json", "fills", value=7)
    monkeypatch.setattr(sys, "argv", ["run", str(copy), str(sample)])
    assert main() == 1
    row = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("fills  "))
    assert row.split()[:3] == ["fills", "0", "1"]
    assert row.endswith("session 7")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("recorded", "options"),
    [
        (BTCUSDT, settings()),
        (BTCUSDT, settings(*TIGHT, "exchange.queue=risk_averse")),
        (BTCUSDT, settings(*TIGHT, "exchange.queue=risk_averse", "book.decide_on=touch")),
        (BTCUSDT, settings(*TIGHT, "exchange.queue=power_prob_2:2", "book.decide_on=top", "quoter.levels=3")),
        (BTCUSDT, settings(*TIGHT, "exchange.queue=power_prob_3:1.5", "exchange.venue_top=false")),
        (BTCUSDT, settings(*TIGHT, "exchange.partial_fills=false", "exchange.entry_ms=250", "exchange.cancel_ms=30")),
        (NEXOUSDT, settings()),
    ],
    ids=["btcusdt", "risk-averse", "on touch", "on top, levels", "without tops", "whole fills, slow", "nexousdt"],
)
def test_a_recording_is_recomputed_to_the_last_digit(
    pytestconfig: pytest.Config, shared_data: Path, tmp_path: Path, recorded: Recorded, options: list[str]
) -> None:
    files = [shared_data / "binance_spot" / name for name in recorded.files]
    paper(tmp_path, recorded.symbol, files, pytestconfig.rootpath / "deploy" / "config" / recorded.config, *options)
    table = recompute(tmp_path, files)
    sys.stdout.write(f"{recorded.symbol} {' '.join(options)}\n{table.text()}\n")
    assert table.first == {}
    assert table.equal[ACCOUNTS] > 100
