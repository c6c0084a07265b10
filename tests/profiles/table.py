"""The profiles on recordings, as a table: `python -m tests.profiles.table [--write] <SYMBOL>=<frames>[,<frames>..] ..`.

Each recording is imported once and backtested with its own configuration (deploy/config/<symbol>.toml), alone and over
each profile, at the regular maker fee and at none; the bundled sample comes first. `--write` puts the table into
docs/profiles.md, in the place of the one that is there.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "profiles.md"
MARK = "<!-- the table: make profiles -->\n"
FEES = ("0.001", "0")
PROFILES = ("", "conservative", "aggressive")
COLUMNS = (
    *("recording", "profile", "maker fee, bps", "orders", "filled"),
    "result = spread + inventory - fees, USDT",
    *("RMS inventory, base", "captured at 0.1 s", "1 s", "both sides quoted", "halts"),
)
HEAD = f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}"


class Recording(NamedTuple):
    """A symbol, its frames and the configuration that knows it."""

    symbol: str
    frames: list[str]
    config: str


SAMPLE = Recording("SYNTH", [str(ROOT / "samples" / "synth.gz")], "paper")


def rows(recording: Recording, folder: Path) -> Iterator[str]:
    """One row a profile and fee."""
    imported = _cli(
        "import", "--from", "ws-lines", "--venue", "binance", "--symbol", recording.symbol, "--out", folder / "data",
        *recording.frames,
    )  # fmt: skip
    days = imported["days"]
    for profile in PROFILES:
        for fee in FEES:
            out = folder / f"{profile}{fee}"
            options = ["--profile", profile] if profile else []
            summary = _cli(
                "backtest", "--data", folder / "data", "--symbol", recording.symbol, "--day", f"{days[0]}..{days[-1]}",
                *options, "--config", ROOT / "deploy" / "config" / f"{recording.config}.toml",
                "--set", f"exchange.maker_fee={fee}", "--out", out,
            )  # fmt: skip
            yield _row(recording.symbol, profile or "none", fee, summary, rms_inventory(out))


def rms_inventory(session: Path) -> float:
    """Root of the mean square of the position over time, base: sqrt(1/T x integral of q^2 dt)."""
    state = pq.read_table(session / "state.parquet", columns=["ts_ns", "position"])
    passed_ns = np.diff(state["ts_ns"].to_numpy())
    position = np.array(state["position"].to_pylist(), float)[:-1]
    return float(np.sqrt(np.sum(position**2 * passed_ns) / np.sum(passed_ns)))


def _row(symbol: str, profile: str, fee: str, summary: dict[str, Any], inventory: float) -> str:
    pnl, captured = summary["pnl"], summary["spread_captured_pct"]
    parts = f"{pnl['total']:.3f} = {pnl['spread']:.3f} {pnl['inventory']:+.3f} {-pnl['fees']:+.3f}"
    halts = ", ".join(halt["reason"].replace("_", " ") for halt in summary["trading"]["halts"]) or "none"
    filled = f"{summary['ratios']['fill_orders'] or 0:.1%}"
    shares = [_percent(captured[horizon]) for horizon in ("0.1s", "1s")]
    both = f"{summary['quoted_share']['both']:.0%}"
    cells = [symbol, profile, f"{float(fee) * 1e4:g}", f"{summary['orders']:,}", filled, parts, f"{inventory:.4g}"]
    return f"| {' | '.join([*cells, *shares, both, halts])} |"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:,.0f} %"


def _cli(*words: object) -> Any:
    """The JSON that a command prints last."""
    command = [sys.executable, "-m", "mm_cli", *map(str, words), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stderr.strip()}")
    return json.loads(done.stdout.splitlines()[-1])


def main(words: list[str]) -> None:
    """Print the table, and write it where that is asked for."""
    named = [word.partition("=") for word in words if word != "--write"]
    recordings = [SAMPLE, *[Recording(symbol, files.split(","), symbol.lower()) for symbol, _, files in named]]
    lines = [HEAD]
    sys.stdout.write(HEAD + "\n")
    for recording in recordings:
        with tempfile.TemporaryDirectory() as folder:
            for row in rows(recording, Path(folder)):
                sys.stdout.write(row + "\n")
                sys.stdout.flush()
                lines.append(row)
    if "--write" in words:
        text, _, _ = PAGE.read_text().partition(MARK)
        PAGE.write_text(text + MARK + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
