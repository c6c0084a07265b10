"""Simulate: `python -m tests.simulation.run`, or replay one schedule: `.. --token TOKEN`. Tables on stdout."""

import argparse
import json
import logging
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from time import monotonic, process_time
from typing import NamedTuple

import msgspec
from tests.simulation.hunts import Hunt, hunt, hunt_all

TABLE = Path(__file__).parents[2] / "docs" / "simulation.md"
MARK = "## What the last run showed\n"
PARTS = 4  # jobs that a small scenario is cut into
BATCH = 1_000  # schedules of a job of a large one
FOUND_MIN = 9

CODE_LOGGERS = [logging.getLogger(name) for name in ("mm_bus", "mm_service", "mm_services")]


class Job(NamedTuple):
    """All schedules of a part of a small scenario, or so many random ones of a large one."""

    scenario: str
    part: int
    size: int  # 0: all


class Result(msgspec.Struct, frozen=True):
    """What one job ran, and what it found."""

    scenario: str
    is_all: bool
    schedules: int
    seconds: float
    token: str = ""
    wrong: str = ""


def work(job: Job, seed: int) -> Result:
    """Run a job."""
    from tests.simulation.explore import by_chance, exhaustive, first_wrong
    from tests.simulation.scenarios import SCENARIOS

    logging.disable(logging.CRITICAL)
    scenario, begin_s = SCENARIOS[job.scenario], process_time()
    runs = by_chance(scenario, seed + job.part, job.size) if job.size else exhaustive(scenario, job.part, PARTS)
    count, found = first_wrong(scenario, runs)
    token, wrong = (found.token, found.wrong) if found else ("", "")
    return Result(scenario.name, not job.size, count, process_time() - begin_s, token, wrong)


def simulate(schedules: int, processes: int, seed: int) -> list[Result]:
    """All small scenarios, and random schedules of the large ones until there are as many as requested."""
    from tests.simulation.scenarios import LARGE, SMALL

    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(work, Job(each.name, part, 0), seed) for each in SMALL for part in range(PARTS)]
        chances = [each for each in LARGE for _ in range(each.share)]
        # As many as the exhaustive ones leave over, which are known only when they are done; at least one of each.
        begun = [pool.submit(work, Job(each.name, part, BATCH), seed) for part, each in enumerate(chances)]
        results = [job.result() for job in (*jobs, *begun)]
        part = len(chances)
        while sum(result.schedules for result in results) < schedules:
            more = [pool.submit(work, Job(each.name, part + i, BATCH), seed) for i, each in enumerate(chances)]
            part += len(more)
            results += [job.result() for job in more]
    return results


def table(results: list[Result], wall_s: float) -> str:
    """Schedules of each scenario."""
    lines = ["| scenario | schedules | a second and core | |", "|---|---|---|---|"]
    for name in dict.fromkeys(result.scenario for result in results):
        of_it = [result for result in results if result.scenario == name]
        count, seconds = sum(each.schedules for each in of_it), sum(each.seconds for each in of_it)
        what = "all with up to two deviations" if of_it[0].is_all else "by chance"
        wrong = next((f"**{each.wrong}** `{each.token}`" for each in of_it if each.token), "")
        lines.append(f"| {name} | {count:,} | {count / seconds:,.0f} | {wrong or what} |")
    total = sum(result.schedules for result in results)
    return "\n".join([*lines, "", f"{total:,} schedules in {wall_s:.0f} s ({total / wall_s:,.0f} a second)."])


def mutants_table(hunts: list[Hunt]) -> str:
    """Planted faults and how they were found."""
    lines = ["| planted fault | found after | seconds | token | as |", "|---|---|---|---|---|"]
    for each in hunts:
        after = f"{each.schedules:,} schedules" if each.token else f"**not** in {each.schedules:,}"
        token = f"`{each.token}`" if each.token else ""
        lines.append(
            f"| {each.mutant} | {after} | {each.seconds:.1f} | {token} | {each.wrong.replace('|', '/')[:120]} |"
        )
    found = sum(bool(each.token) for each in hunts)
    return "\n".join([*lines, "", f"{found} of {len(hunts)} planted faults found."])


def replay(token: str) -> int:
    """Run one schedule and print what happens in it; 1 if it goes wrong."""
    from tests.simulation.scenarios import SCENARIOS, run
    from tests.simulation.schedule import Schedule, of_token

    for logger in CODE_LOGGERS:
        logger.setLevel(logging.INFO)
    for logger in CODE_LOGGERS:
        logger.propagate = False  # it stands in the trace
    name, deviations = of_token(token)
    done = run(SCENARIOS[name], Schedule(deviations), traces=True)
    sys.stdout.write("\n".join(done.trace) + "\n")
    return 1 if done.wrong else 0


def main() -> int:
    """0 if every schedule is as it must be and enough of the planted faults are found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--schedules", type=int, default=100_000, help="at least so many")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1, help="of the random schedules")
    parser.add_argument("--write", action="store_true", help=f"write the tables to {TABLE.name}")
    parser.add_argument("--no-mutants", action="store_true", help="plant no faults")
    parser.add_argument("--token", help="replay this schedule, with what happens in it")
    parser.add_argument("--mutant", type=int, help="plant this fault and search for it")
    options = parser.parse_args()
    if options.mutant is not None:
        logging.disable(logging.CRITICAL)
        sys.stdout.write(json.dumps(msgspec.to_builtins(hunt(options.mutant))) + "\n")
        return 0
    if options.token:
        return replay(options.token)
    begin_s = monotonic()
    results = simulate(options.schedules, options.processes, options.seed)
    text = table(results, monotonic() - begin_s)
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
    hunts = [] if options.no_mutants else hunt_all(options.processes)
    if hunts:
        text += "\n\n" + mutants_table(hunts)
        sys.stdout.write("\n" + mutants_table(hunts) + "\n")
    if options.write and hunts:
        TABLE.write_text(TABLE.read_text().partition(MARK)[0] + MARK + "\n" + text + "\n")
    found = sum(bool(each.token) for each in hunts)
    return 1 if any(result.token for result in results) or (hunts and found < FOUND_MIN) else 0


if __name__ == "__main__":
    sys.exit(main())
