"""Memory and bytes of a long session: `python -m tests.sessions.soak --help`.

Every process of a session is looked at every few seconds. Its memory must stay flat once it has warmed up: the second
half's slope is printed in MB an hour of the market, with a curve.
"""

import argparse
import csv
import sys
from collections import defaultdict
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from tests.session import SERVER, children, session
from tests.sessions.processes import Printed, rss_mb

BARS = "▁▂▃▄▅▆▇█"
POINTS = 60
STORES = ("bus", "log", "clickhouse", "frames", "services")
Curves = dict[str, list[tuple[float, float]]]  # name -> (seconds, MB)


def watch(process: Any, every_s: float) -> Curves:
    """Memory of every process, until the session ends."""
    curves: Curves = defaultdict(list)
    began_s = monotonic()
    while process.poll() is None:
        at_s = monotonic() - began_s
        for pid in (process.pid, *children(process.pid)):
            if mb := rss_mb(pid):
                curves[name_of(pid, process.pid)].append((at_s, mb))
        sleep(every_s)
    return curves


def name_of(pid: int, command: int) -> str:
    """What a process is."""
    if pid == command:
        return "command"
    arguments = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    service = next((argument.rpartition(".")[2] for argument in arguments if argument.startswith("mm_services.")), "")
    return service or (SERVER if SERVER in arguments[0] else "other")


def slope_mb_s(curve: list[tuple[float, float]]) -> float:
    """Least squares over the second half."""
    half = curve[len(curve) // 2 :]
    n = len(half)
    mean_x, mean_y = sum(x for x, _ in half) / n, sum(y for _, y in half) / n
    spread = sum((x - mean_x) ** 2 for x, _ in half)
    return sum((x - mean_x) * (y - mean_y) for x, y in half) / spread if spread else 0.0


def line(curve: list[tuple[float, float]]) -> str:
    """A curve from 0 to its highest, in characters."""
    step = max(1, len(curve) // POINTS)
    values = [mb for _, mb in curve[::step]]
    top = max(values)
    return "".join(BARS[min(int(mb / top * len(BARS)), len(BARS) - 1)] for mb in values)


def bytes_of(folder: Path) -> int:
    """What lies in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main() -> int:
    """Run one; the arguments behind `--` are those of `crypto-mm paper`, without --out and --json."""
    parser = argparse.ArgumentParser(prog="python -m tests.sessions.soak", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of the session and of memory.csv")
    parser.add_argument("--every-s", type=float, default=2.0)
    parser.add_argument("arguments", nargs="+")
    options = parser.parse_args()
    out = options.out / "session"
    stores: dict[str, int] = {}
    arguments = [sys.executable, "-m", "mm_cli", "paper", *options.arguments, "--out", str(out), "--json"]
    with session(arguments, options.out) as process:
        printed = Printed(process)
        curves = watch(process, options.every_s)
        stores = {name: bytes_of(out / name) for name in STORES if (out / name).is_dir()}
        summary = printed.summary(60.0)
    _write(options.out / "memory.csv", curves)
    hours = summary["market_s"] / 3_600
    wall_s = max(at_s for curve in curves.values() for at_s, _ in curve)
    print(f"{hours:.2f} h of market in {wall_s / 60:.1f} min, {summary['speed_x']:.1f}x")  # noqa: T201
    print("| process | MB at a quarter, half, end | MB an hour of market, second half | from 0 to the highest |")  # noqa: T201
    print("|---|---|---|---|")  # noqa: T201
    for name, curve in sorted(curves.items()):
        parts = [curve[len(curve) * part // 4 - (part == 4)][1] for part in (1, 2, 4)]
        slope = slope_mb_s(curve) * wall_s / hours
        print(f"| {name} | {', '.join(f'{mb:.0f}' for mb in parts)} | {slope:+.1f} | `{line(curve)}` |")  # noqa: T201
    for name, size in stores.items():
        print(f"{name}: {size / 1e6:.1f} MB, {size / 1e6 / hours:.1f} MB an hour of market")  # noqa: T201
    return 0


def _write(path: Path, curves: Curves) -> None:
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["process", "seconds", "mb"])
        rows.writerows([name, f"{at_s:.1f}", f"{mb:.1f}"] for name, curve in curves.items() for at_s, mb in curve)


if __name__ == "__main__":
    sys.exit(main())
