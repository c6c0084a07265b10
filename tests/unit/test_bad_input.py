"""The command line against bad input: exit code 2, one line that names the option or file, and nothing created."""

import gc
import gzip
import json
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from mm_cli.app import app, main

T0 = 1_767_225_600_000_000_000
SNAPSHOT = {"lastUpdateId": 10, "bids": [["100.0", "1.000"]], "asks": [["100.1", "1.000"]]}


def line(second: float, frame: object) -> bytes:
    """A recorded line."""
    return b"%d %b\n" % (T0 + int(second * 1e9), json.dumps(frame).encode())


def diff(second: float, update_id: int) -> bytes:
    """A diff of one id that sets the bid."""
    frame = {"e": "depthUpdate", "E": (T0 + int(second * 1e9)) // 10**6, "s": "BTCUSDT", "U": update_id, "u": update_id}
    return line(second, frame | {"b": [["100.0", "2.000"]], "a": []})


def recording(first_s: float, last_s: float) -> bytes:
    """A snapshot and a diff a second."""
    return line(first_s, SNAPSHOT) + b"".join(diff(s, 11 + s) for s in range(int(first_s) + 1, int(last_s) + 1))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the commands run: some recordings, some configurations, a session."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MM_STATE_DIR", str(tmp_path / "state"))
    files = {
        "day.txt": recording(0, 9),
        "overlap.txt": recording(5, 14),
        "cut.txt": recording(0, 9) + diff(10, 20)[:60],
        "torn.gz": gzip.compress(recording(0, 9))[:-20],
        "nested.toml": b"[quoter.x]\nlevels = 1\n",
        "coarse.toml": b"[quoter]\norder_qty_base = 0.0005\n",
        "bytes.toml": b"\xff\xfe",
        "session/manifest.json": b"{}",
        "killed/frames/BTCUSDT_20260101.ws.gz": b"",
        "begun/session.json": b"{",
        "data/binance/BTCUSDT/20260101/tape_BTCUSDT_20260101.parquet": b"",
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    with gzip.open(tmp_path / "bomb.gz", "wb", compresslevel=1) as bomb:
        bomb.write(bytes(20 << 20))
    return tmp_path


PAPER = "paper --symbol BTCUSDT --bus memory --tick 0.1 --lot 0.001 --out new"
IMPORT = "import --symbol BTCUSDT --tick 0.1 --lot 0.001 --out new"
BACKTEST = "backtest --data data --symbol BTCUSDT --out new"
CASES = [
    # Files.
    (f"{PAPER} --source replay:day.txt,day.txt", "day.txt: given twice, first as day.txt"),
    (f"{PAPER} --source replay:day.txt,overlap.txt", "overlap.txt: begins 4.000 s before the end of day.txt"),
    (f"{IMPORT} day.txt ./day.txt", "day.txt: given twice"),
    (f"{IMPORT} day.txt overlap.txt", "overlap.txt: begins 4.000 s before the end of day.txt"),
    (f"{IMPORT} none.txt", "none.txt: No such file or directory"),
    (f"{IMPORT} session", "session: Is a directory; expected a readable file"),
    (f"{PAPER} --source replay:cut.txt", "cut.txt:11: "),
    (f"{PAPER} --source replay:cut.txt", "; --salvage leaves out such lines"),
    (f"{IMPORT} cut.txt", "cut.txt:11: "),
    (f"{IMPORT} torn.gz", "torn.gz: damaged gzip after line "),
    (f"{IMPORT} bomb.gz", "bomb.gz:1: longer than 16 MiB; expected one frame"),
    (f"{PAPER} --source replay:", "--source replay:: expected live, replay:<file>"),
    (f"{PAPER} --source replay:day.txt,", "--source replay:day.txt,: expected live, replay:<file>"),
    (f"{PAPER} --source replayed:day.txt", "--source replayed:day.txt: expected live, replay:<file>"),
    (f"{PAPER} --source live", "--bus memory: expected --source replay:<files>, not live"),
    ("paper --symbol BTCUSDT --source live --salvage", "--salvage: of recorded files"),
    # What is there is not written over.
    ("paper --symbol BTCUSDT --bus memory --source replay:day.txt --out session", "--out session: holds manifest.json"),
    (
        "paper --symbol BTCUSDT --source replay:day.txt --out killed",
        "--out killed: holds frames; expected a new or empty folder",
    ),
    (
        "paper --symbol BTCUSDT --source replay:day.txt --out begun",
        "--out begun: holds session.json; expected a new or empty folder, or `crypto-mm resume --session begun`",
    ),
    ("paper --symbol BTCUSDT --source replay:day.txt --out day.txt", "--out day.txt: a file; expected a new folder"),
    ("resume --session begun", "begun/session.json: "),
    ("resume --session session", "no session session runs on this machine"),
    ("resume --symbol BTCUSDT --salvage", "--salvage, --json: of a session that is resumed"),
    ("halt --session nobody", "no session nobody runs on this machine"),
    ("backtest --data data --symbol BTCUSDT --day 20260101 --out session", "--out session: holds a session"),
    ("import --symbol BTCUSDT --tick 0.1 --lot 0.001 --out data day.txt", "there already; expected --force"),
    # Symbols and venues, which become paths.
    *(
        (f"{command} {more}", f"--symbol {symbol}: expected capital letters, digits and '-', such as BTCUSDT")
        for symbol in ("../x", "BTC/USD", "BTCUSDT\u00c4", "\u0661", "btcusdt", "-", "A" * 41)
        for command, more in (
            (f"paper --symbol={symbol}", "--bus memory --source replay:day.txt"),
            (f"import --symbol={symbol}", "--out new day.txt"),
            (f"backtest --symbol={symbol}", "--data data --day 20260101 --out new"),
            (f"record --symbol={symbol}", "--data new"),
            (f"serve-replay --symbol={symbol}", "--source day.txt"),
            (f"deploy session --symbol={symbol}", "--config nested.toml --folder new"),
        )
    ),
    *(
        (f"{command} --venue ../mars", "--venue ../mars: expected binance")
        for command in (
            f"{PAPER} --source replay:day.txt",
            f"{IMPORT} day.txt",
            f"{BACKTEST} --day 20260101",
            "record --symbol BTCUSDT --data new",
        )
    ),
    # Ports.
    *(
        (
            f"serve-replay --symbol BTCUSDT --source day.txt {option} {port}",
            f"{option} {port}: expected a port from 0 to 65535",
        )
        for option in ("--port", "--tls-port")
        for port in ("80000", "65536", "-1")
    ),
    (f"{PAPER} --source replay:day.txt --set bus.port=80000", "[bus] port: expected int <= 65535"),
    (f"{PAPER} --source replay:day.txt --set service.metrics_port=-1", "[service] metrics_port: expected int >= 0"),
    # Days.
    (f"{BACKTEST} --day 00010101..99991231", "--day 00010101..99991231: 3,652,059 days; expected at most 3,660"),
    (
        f"{BACKTEST} --day 20260102..20260108",
        "no tape of 20260102, 20260103, 20260104 and 4 more days; expected days that",
    ),
    (f"{BACKTEST} --day 20260230", "--day 20260230: expected YYYYMMDD or YYYYMMDD..YYYYMMDD"),
    (f"{BACKTEST} --day 20260102..20260101", "expected YYYYMMDD or YYYYMMDD..YYYYMMDD"),
    (f"{BACKTEST} --day \u0662\u0660\u0662\u0666\u0660\u0661\u0660\u0661", "expected YYYYMMDD or YYYYMMDD..YYYYMMDD"),
    # The configuration.
    *(
        (f"{PAPER} --source replay:day.txt {more}", message)
        for more, message in (
            (
                "--config nested.toml",
                "nested.toml: [quoter.x]: a section inside of [quoter]; expected keys with values",
            ),
            ("--config session", "session: Is a directory; expected a TOML file"),
            ("--config bytes.toml", "bytes.toml: "),
            ("--config none.toml", "none.toml: No such file or directory"),
            ("--profile careful", "--profile careful: expected conservative or aggressive"),
            ("--set quoter.levels", "--set quoter.levels: expected section.key=value"),
            ("--set bus.group=../x", "--set bus.group=../x: [bus] group: expected str matching regex"),
            ("--set quoter.levels=", "--set quoter.levels=: [quoter] levels: expected int, got str"),
            ("--set quoter.strategy=grid", "'grid'; expected one of fixed_spread, avellaneda_stoikov"),
            ("--set quoter.zzz=1", "[quoter] zzz: unknown key; expected one of strategy, "),
            (
                "--set quoter.half_spread_bps_min=600",
                "--set quoter.half_spread_bps_min=600: [quoter] half_spread_bps_min: 600 is beyond [risk] collar_bps",
            ),
            ("--config coarse.toml", "coarse.toml: [quoter] order_qty_base: 0.0005 is not a multiple of the lot 0.001"),
            ("--set risk.order_max_base=0", "[risk] order_max_base: 0 is below the venue's smallest order 0.001"),
            ("--set risk.account_mode=spot", "[risk] account_mode spot: base_balance and quote_balance are 0"),
            ("--tick 0", "--tick"),
            ("--lot nan", "--lot"),
            ("--speed 0", "--speed 0: expected max, or a number above 0"),
            ("--duration 5", "--duration 5: expected a number and a unit"),
        )
    ),
    ("set levels=3", "set levels=3: expected section.key=value"),
]


@pytest.mark.parametrize(("arguments", "message"), CASES, ids=lambda text: text[:60])
def test_bad_input_is_one_line_with_code_2_and_creates_nothing(
    arguments: str,
    message: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = sorted(folder.rglob("*"))
    monkeypatch.setattr(sys, "argv", ["crypto-mm", *arguments.split()])
    with pytest.raises(SystemExit) as end:
        main(app)
    shown = capsys.readouterr()
    assert (end.value.code, shown.out) == (2, "")
    lines = [
        each
        for each in shown.err.splitlines()
        if not each.startswith(("Usage:", "Try ", "note: ", "paper: ", "importing: "))
    ]
    error = " ".join(each.strip("│ ") for each in lines if each)
    assert message in error
    assert error.lower().startswith("error: ")
    assert "Traceback" not in shown.err
    created = [path for path in sorted(folder.rglob("*")) if path not in before]
    assert [path for path in created if path.is_file()] == []


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    """A reading that ends with an error leaves its file to the collector, as the command's process does at its end."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()
