"""Measure: backtest rows per second against the targets; all ratios of one run on one machine.

    python tests/bench/run.py [--rows 1000000] [--tape <neutral.parquet> --tick 0.1 --lot 0.001]
                              [--peer <python with hftbacktest> [--peer-data <events.npz>]]

Without a tape it makes one by ../shared/bench/gen_dataset.py, where that folder is at hand. With `--peer` the other
program runs the same job in turn with ours, and the ratio is that of the medians. Nothing here is a test.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from statistics import median
from time import perf_counter_ns
from typing import Any, NamedTuple

import numpy as np
from book_structures import compare  # type: ignore[import-not-found]  # beside this script
from typer import echo

from mm_core.book.book import apply_levels, new_book, rank_of, set_level
from mm_core.compiled import compiled
from mm_research.bench import Job, bench
from mm_research.columns import read_neutral

SHARED = Path(__file__).parents[3] / "shared" / "bench"
PEER_QUEUES = {"risk_averse": "risk", "power_prob:3": "power"}


class Case(NamedTuple):
    """One line of the engine's table. `target`: least ratio to the peer."""

    name: str
    queue: str
    sets: int
    two_books: bool
    target: float


CASES = (
    Case("touches, risk averse", "risk_averse", 1, False, 10),
    Case("touches, power 3", "power_prob:3", 1, False, 10),
    Case("two books, risk averse", "risk_averse", 1, True, 6),
    Case("32 sets, risk averse", "risk_averse", 32, False, 40),
)


class Peer(AbstractContextManager["Peer"]):
    """The other program, kept ready: one run of the job for each `ns_per_row`. Without Python, it says NaN."""

    def __init__(self, python: str, data: Path, queue: str) -> None:
        command = [python, "bench_hbt.py", "--data", str(data), "--queue", PEER_QUEUES[queue], "--serve"]
        self.program = subprocess.Popen(command, cwd=SHARED, stdin=-1, stdout=-1, text=True) if python else None
        if self.program is not None:
            self._line()

    def _line(self) -> str:
        assert self.program is not None
        assert self.program.stdout is not None
        line = self.program.stdout.readline()
        if not line:
            raise SystemExit("the peer has ended: see its message above")
        return line

    def ns_per_row(self) -> float:
        """One run."""
        if self.program is None or self.program.stdin is None:
            return float("nan")
        self.program.stdin.write("run\n")
        self.program.stdin.flush()
        result = json.loads(self._line())
        return float(result["wall"]) / float(result["rows"]) * 1e9

    def __exit__(self, *_: object) -> None:
        if self.program is not None:
            self.program.communicate()


@compiled
def _book_pass(state: Any, rows: Any) -> None:
    """The least that any backtest does: keep one book."""
    book = state[0]
    for i in range(rows.shape[0]):
        row = rows[i]
        if row.code & 5 == 0:
            side = int(row.code >> 3) & 1
            set_level(book, side, rank_of(side, int(row.tick)), row.lots)


def best_ns(call: Callable[[], object], repeat: int) -> float:
    """Nanoseconds of the fastest call, after one that compiles."""
    call()
    times = []
    for _ in range(repeat):
        started_ns = perf_counter_ns()
        call()
        times.append(perf_counter_ns() - started_ns)
    return float(min(times))


def make_tape(rows: int, folder: Path) -> tuple[Path, Path]:
    """(neutral tape, the peer's events) of the deterministic data set."""
    if not SHARED.is_dir():
        raise SystemExit("no ../shared/bench beside the repository: give --tape")
    program = [sys.executable, str(SHARED / "gen_dataset.py"), "--n", str(rows), "--name", "synth"]
    subprocess.run([*program, "--out", str(folder)], check=True)
    return folder / "synth.parquet", folder / "synth_hbt.npz"


def engine_table(tape: Path, tick: str, lot: str, peer: tuple[str, Path], repeat: int) -> None:
    """Every case of the engine, in turn with the peer."""
    rows = read_neutral(tape, tick, lot).rows
    book_ns = best_ns(lambda: _book_pass(new_book(), rows), repeat) / len(rows)
    echo(
        f"\n{'engine':26} {'ns/row/set':>10} {'x book only':>12} {'peer ns':>8} {'ratio':>6} {'target':>7} {'fills':>8}"
    )
    echo(f"{'book only':26} {book_ns:10.2f} {1:12.2f}")
    for case in CASES:
        ours, theirs = [], []
        with Peer(*peer, case.queue) as other:
            for _ in range(repeat):
                job = Job(tick=tick, lot=lot, queue=case.queue)
                result = bench(tape, job, sets=case.sets, repeat=3, two_books=case.two_books)
                ours.append(result["ns_per_row_and_set"])
                theirs.append(other.ns_per_row())
        mine, peers = median(ours), median(theirs)
        ratios = f"{peers:8.2f} {peers / mine:6.1f} {case.target:6.0f}x {result['fills']:8}"
        echo(f"{case.name:26} {mine:10.2f} {mine / book_ns:12.2f} {ratios}")


def calls_table(repeat: int) -> None:
    """What a live call costs: many levels in one call, or one by one."""
    book, ticks, lots = new_book(), np.arange(1_000, 1_020), np.full(20, 5)
    whole = best_ns(lambda: [apply_levels(book, 0, ticks, lots) for _ in range(1_000)], repeat) / 1_000
    single = [(ticks[i : i + 1], lots[i : i + 1]) for i in range(20)]
    apart = best_ns(lambda: [apply_levels(book, 0, *each) for each in single for _ in range(50)], repeat) / 50
    echo(f"\n{'live call of 20 levels':26} {whole:10.0f} ns; one by one {apart:.0f} ns; ratio {apart / whole:.1f}")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="Measure the core and the engine.")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--tape", type=Path)
    parser.add_argument("--tick", default="0.1")
    parser.add_argument("--lot", default="0.001")
    parser.add_argument("--peer", default="", help="Python of an environment with hftbacktest")
    parser.add_argument("--peer-data", type=Path, default=Path())
    parser.add_argument("--repeat", type=int, default=7)
    options = parser.parse_args()
    echo(f"{'book, ns an update':26} {'window':>10} {'sorted array':>13} {'ratio':>6}")
    for kind in ("deep", "near", "far"):
        found = compare(kind)
        window_ns, sorted_ns = found["window_ns"], found["sorted_ns"]
        echo(f"{kind:26} {window_ns:10.1f} {sorted_ns:13.1f} {sorted_ns / window_ns:6.1f}")
    calls_table(options.repeat)
    with tempfile.TemporaryDirectory() as folder:
        tape, events = options.tape, options.peer_data.absolute()
        if tape is None:
            tape, events = make_tape(options.rows, Path(folder))
        engine_table(tape, options.tick, options.lot, (options.peer, events), options.repeat)


if __name__ == "__main__":
    main()
