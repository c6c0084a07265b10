"""Measure: from a root on the log to its SubmitOrder on the log, against a bare chain of as many hops.

    python tests/bench/latency.py [--lines 10:81:1,100:36:1,1000:24:10] [--archiver] [--set section.key=value] [--json]

A line is market events a second, seconds, and every how many-th event moves the touch and leads to new quotes; the
others are heard and answered with nothing. Three chains run over one nats-server and take turns, block by block:

- `real`: the services. The roots come from this script, in the recorder's place.
- `bare`: the hops of one path alone: three times an append, its delivery, and a report that leads to the next.
- `wide`: every message of the real trees and everyone who hears it, again with nothing decided: the protocol's share.

Times are the server's own, of when it stored each message. Where the real chain cannot keep up, the others get the
rate that it reached. Targets: median at most 1.5x, p99 at most 2x of `bare`. Nothing here is a test.
"""

import argparse
import asyncio
import json
import signal
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import uvloop
from latency_bare import BareChain  # type: ignore[import-not-found]  # beside this script
from latency_cpu import Cpu  # type: ignore[import-not-found]  # beside this script
from latency_paths import Chain, Paths  # type: ignore[import-not-found]  # beside this script
from latency_real import RealChain  # type: ignore[import-not-found]  # beside this script
from typer import echo

from mm_bus.bus import Bus
from mm_bus.nats_server import free_port, is_listening, server_command
from mm_core.types import InputError
from mm_session.supervisor import Supervisor

SERVER = "nats-server"
TARGETS = {"p50": 1.5, "p99": 2.0}
BACKLOG_MAX = 128  # roots that wait before we do
POLL_S = 0.002
WATCH_S = 0.5
LATE_S = 0.05  # further behind the plan, we make a new plan
WARM_S = 3.0
WARM_RATE = 100.0
KEEPS_UP = 0.97


class Line(NamedTuple):
    """Market events a second, seconds for all chains, every how many-th event moves the touch."""

    rate: float
    seconds: float
    moves_every: int


async def drive(chain: Chain, rate: float, seconds: float, moves_every: int) -> float:
    """Roots at `rate` for `seconds`, until all is through; the rate that was reached."""
    loop = asyncio.get_running_loop()
    started_s = due_s = loop.time()
    roots = round(rate * seconds)
    for sent in range(roots):
        await asyncio.sleep(max(0.0, due_s - loop.time()))
        while chain.backlog() >= BACKLOG_MAX:  # noqa: ASYNC110  # a chain tells how far it is in steps of its own
            await asyncio.sleep(POLL_S)
        due_s = max(due_s, loop.time() - LATE_S) + 1 / rate
        await chain.send(sent % moves_every == 0)
    await asyncio.sleep(max(0.0, due_s - loop.time()))
    reached = roots / (loop.time() - started_s)
    await chain.settle()
    return reached


class Bench:
    """All chains, ready to be driven in turn, the real one first."""

    def __init__(self, chains: Sequence[Chain], cpu: Cpu, block_s: float) -> None:
        self._chains = chains
        self._cpu = cpu
        self._block_s = block_s

    async def measure(self, line: Line) -> dict[str, Any]:
        """One line: the chains in blocks by turns."""
        after = [await chain.settle() for chain in self._chains]
        reached: dict[str, list[float]] = defaultdict(list)
        for _ in range(max(1, round(line.seconds / len(self._chains) / self._block_s))):
            rate = line.rate
            for chain in self._chains:
                self._cpu.begin()
                found = await drive(chain, rate, self._block_s, line.moves_every)
                self._cpu.end(f"{chain.name} {line}")
                reached[chain.name].append(found)
                rate = line.rate if found > KEEPS_UP * line.rate else min(rate, found)
        result: dict[str, Any] = line._asdict()
        for chain, after_seq in zip(self._chains, after, strict=True):
            cpu = self._cpu.percent(f"{chain.name} {line}")
            found_paths = summary(await chain.paths(after_seq))
            result[chain.name] = found_paths | {"reached": float(np.mean(reached[chain.name])), "cpu_percent": cpu}
        for chain in self._chains:
            result[chain.name]["ratio"] = {name: result[chain.name][name] / result["bare"][name] for name in TARGETS}
        return result


def summary(paths: Paths) -> dict[str, Any]:
    """Percentiles in ms."""
    return {
        "paths": len(paths.total_ns),
        **percentiles(paths.total_ns),
        "parts": {name: percentiles(times_ns) for name, times_ns in paths.parts_ns.items()},
        "per_root": paths.per_root,
    }


def percentiles(times_ns: Any) -> dict[str, float]:
    """Median and 99th percentile in ms."""
    return {name: float(np.percentile(times_ns, int(name[1:]))) / 1e6 for name in TARGETS}


async def watch(supervisor: Supervisor, task: asyncio.Task[Any] | None) -> None:
    """End the task when a process dies: figures with a restart in them are none."""
    while not (supervisor.restarts or supervisor.failed.done()):  # noqa: ASYNC110  # of other processes
        await asyncio.sleep(WATCH_S)
    assert task is not None
    task.cancel()


@asynccontextmanager
async def ready(options: argparse.Namespace, folder: Path) -> AsyncIterator[Bench]:
    """All processes, warm; they end with the block."""
    supervisor, bus, port = Supervisor(folder / "services"), Bus(), free_port(0, "port")
    chains: list[RealChain | BareChain] = []
    await supervisor.start(SERVER, server_command(folder / "bus", port))
    watching = asyncio.create_task(watch(supervisor, asyncio.current_task()))
    try:
        while not await is_listening(port):  # noqa: ASYNC110  # of another process
            await asyncio.sleep(POLL_S)
        url = f"nats://127.0.0.1:{port}"
        await bus.connect(url, "bench")
        chains.append(real := RealChain(bus, options.settings))
        await real.start(supervisor, url, folder, archiver=options.archiver)
        after_seq = await real.settle()
        await drive(real, WARM_RATE, WARM_S, 1)
        plan = await real.plan(after_seq)
        for bare in (BareChain("bare", plan.thin()), BareChain("wide", plan)):
            chains.append(bare)
            await bare.start(supervisor, url)
            await drive(bare, WARM_RATE, WARM_S, 1)
        names = [SERVER, *(name for chain in chains for name in chain.processes)]
        yield Bench(chains, Cpu({name: supervisor.pid(name) for name in names}), options.block_s)
    finally:
        watching.cancel()
        for chain in chains:
            await chain.stop()
        await bus.close()
        await supervisor.end_all()
        for name in supervisor.restarts:  # says why we were cancelled
            said = (folder / "services" / f"{name}.log").read_text(errors="replace").strip().splitlines()
            raise InputError(f"{name} died: {said[-1] if said else 'it said nothing'}")


def show(result: dict[str, Any]) -> None:
    """The lines of one rate."""
    first = f"{result['rate']:.0f}/{result['moves_every']}"
    for name in ("real", "bare", "wide"):
        chain = result[name]
        times = " ".join(f"{chain[target]:8.3f} {chain['ratio'][target]:5.2f}x" for target in TARGETS)
        cpu = chain["cpu_percent"]
        own = sum(cpu.values()) - cpu["others"]
        echo(f"{first:>8} {name:5} {chain['reached']:8.1f} {chain['paths']:7} {times} {own:6.0f} {cpu['others']:7.0f}")
        first = ""


def show_parts(result: dict[str, Any]) -> None:
    """Where the time goes at one rate."""
    echo(f"\n{result['rate']:.0f} market events a second, every {result['moves_every']}. moves the touch")
    for name in ("real", "bare", "wide"):
        chain = result[name]
        counts = ", ".join(f"{value:.2f} {count}" for count, value in chain["per_root"].items())
        cpu = ", ".join(f"{process} {percent:.0f}" for process, percent in chain["cpu_percent"].items() if percent > 1)
        echo(f"  {name}: per root {counts}\n    % of a core: {cpu}")
        for part, found in chain["parts"].items():
            echo(f"    {part:28} {found['p50']:8.3f} {found['p99']:8.3f} ms")


async def run(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Measure every line."""
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    results = []
    with tempfile.TemporaryDirectory(prefix="crypto-mm-bench-") as folder:
        async with ready(options, Path(folder)) as bench:
            for line in options.lines:
                results.append(await bench.measure(line))
                show(results[-1])
    return results


def lines(text: str) -> list[Line]:
    """Lines, separated by commas."""
    fields = [line.split(":") for line in text.split(",")]
    return [Line(float(rate), float(seconds), int(every)) for rate, seconds, every in fields]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Measure the latency of the real services against a bare chain.")
    parser.add_argument("--lines", type=lines, default="10:81:1,100:36:1,1000:24:10", help="rate:seconds:moves_every")
    parser.add_argument("--block-s", type=float, default=2.0, help="seconds between turns")
    parser.add_argument("--archiver", action="store_true", help="with the archiver beside it")
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="SECTION.KEY=VALUE")
    parser.add_argument("--json", action="store_true", help="one JSON line at the end")
    options = parser.parse_args()
    echo(
        f"{'events/s':>8} {'chain':5} {'reached':>8} {'paths':>7} {'p50 ms':>8} {'':6} {'p99 ms':>8} {'':6} "
        f"{'cpu %':>6} {'others':>7}"
    )
    try:
        results = uvloop.run(run(options))
    except InputError as error:
        raise SystemExit(f"error: {error}") from error
    except asyncio.CancelledError:
        raise SystemExit("ended before the end") from None
    for result in results:
        show_parts(result)
    if options.json:
        echo(json.dumps(results))


if __name__ == "__main__":
    main()
