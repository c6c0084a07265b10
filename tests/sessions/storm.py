"""A long session whose processes are killed all the time: `python -m tests.sessions.storm --help`.

It replays a recording slowly, kills a process of it every few seconds by SIGKILL, and compares the end with a run of
the same frames in one process: the same log, so no order lost or doubled. How long nothing was decided after each kill
is seen from outside, by the growth of the log on the disk of the server.
"""

import argparse
import random
import sys
import tempfile
from collections import Counter
from os import kill
from pathlib import Path
from signal import SIGKILL
from time import monotonic, sleep
from typing import Any

from tests.session import SAMPLE, log_bytes, log_position, paper_command, service_pid, session, summary_of
from tests.sessions.processes import Printed

SERVICES = (
    *("paper_exchange", "book_builder", "quoter", "risk", "accountant"),
    *("sequencer", "recorder", "archiver", "nats-server"),
)
EQUAL = ("orders", "fills", "position", "pnl", "digests")
EDGES_S = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
POLL_S = 0.01
GROWS_S = 0.2  # a log that grew so short ago is not standing still
END_S = 4 * 3_600.0  # what is left of the market behind the last kill runs at its speed


def storm(process: Any, out: Path, kills: int, every_s: float, seed: int) -> dict[str, list[float]]:
    """Kill so often; after each kill, how long the log stood still, s, by the service that was killed."""
    chance = random.Random(seed)  # noqa: S311
    stood: dict[str, list[float]] = {name: [] for name in SERVICES}
    done = 0
    while done < kills and process.poll() is None:
        name = chance.choice(SERVICES)
        pid = service_pid(process.pid, name)
        while not pid and process.poll() is None:  # not started again yet
            sleep(POLL_S)
            pid = service_pid(process.pid, name)
        if not pid:
            break
        kill(pid, SIGKILL)
        done += 1
        until_s = monotonic() + every_s * chance.uniform(0.5, 1.5)
        stood[name].append(_longest_standstill_s(process, out, until_s))
        if sys.stderr.isatty() or done % 20 == 0:
            print(f"storm: {done} of {kills} kills", file=sys.stderr, flush=True)  # noqa: T201
    return stood


def _longest_standstill_s(process: Any, out: Path, until_s: float) -> float:
    """Until the next kill is due, and the log grows again."""
    size, since_s, longest_s = log_position(out), monotonic(), 0.0
    while process.poll() is None and (monotonic() < until_s or monotonic() - since_s > GROWS_S):
        sleep(POLL_S)
        now = log_position(out)
        longest_s = max(longest_s, monotonic() - since_s)
        if now != size:
            size, since_s = now, monotonic()
        assert monotonic() - since_s < 120, "the log stands still for two minutes"
    return longest_s


def table(stood: dict[str, list[float]]) -> list[str]:
    """A histogram by service."""
    heads = [f"<= {edge:g} s" for edge in EDGES_S] + [f"> {EDGES_S[-1]:g} s"]
    rows = [f"| killed | {' | '.join(heads)} | median, longest |", "|---" * (len(heads) + 2) + "|"]
    everything = [each for times in stood.values() for each in times]
    for name, times in (stood | {"all": everything}).items():
        if not times:
            continue
        counts = Counter(next((at for at, edge in enumerate(EDGES_S) if each <= edge), len(EDGES_S)) for each in times)
        ordered = sorted(times)
        cells = [str(counts[at] or "") for at in range(len(heads))]
        rows.append(f"| {name} | {' | '.join(cells)} | {ordered[len(ordered) // 2]:.2f}, {ordered[-1]:.2f} s |")
    return rows


def main() -> int:
    """Run one; exit code 1 if it ends in another way than it must."""
    parser = argparse.ArgumentParser(prog="python -m tests.sessions.storm", description=__doc__)
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--a-minute", type=float, default=20.0)
    parser.add_argument("--source", default=f"replay:{SAMPLE}")
    parser.add_argument("--config", type=Path, default=Path("deploy/config/paper.toml"))
    parser.add_argument("--speed", default="1", help="multiple of real time of the replay: as long as the kills last")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="storm-") as folder:
        return _run(options, Path(folder))


def _run(options: argparse.Namespace, folder: Path) -> int:
    given = {"source": options.source, "config": options.config}
    with session(paper_command(folder / "memory", "--bus", "memory", **given), folder) as process:
        expected, log = summary_of(process, END_S), log_bytes(folder / "memory")
    out = folder / "out"
    began_s = monotonic()
    with session(paper_command(out, "--speed", options.speed, **given), folder) as process:
        printed = Printed(process)
        stood = storm(process, out, options.kills, 60 / options.a_minute, options.seed)
        kills = sum(len(times) for times in stood.values())
        print(f"{kills} kills in {(monotonic() - began_s) / 60:.1f} min")  # noqa: T201
        print("\n".join(table(stood)), flush=True)  # noqa: T201  # before the end: it stands whatever the end brings
        summary = printed.summary(END_S)
    same = {key: summary[key] for key in EQUAL} == {key: expected[key] for key in EQUAL} and log_bytes(out) == log
    print(f"restarts {summary['restarts']}")  # noqa: T201
    print(f"log of {len(log):,} events equal to a run without kills: {same}")  # noqa: T201
    return 0 if same and kills == options.kills else 1


if __name__ == "__main__":
    sys.exit(main())
