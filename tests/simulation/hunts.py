"""Hunts for planted faults: each mutant in a process of its own, until a schedule goes wrong."""

import itertools
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import process_time

import msgspec
from tests.simulation.mutants import MUTANTS, plant

ALL_MAX = 10_000  # schedules of one small scenario
CHANCE_MAX = 4_000  # of a large one
PATIENCE_S = 900.0
ROOT = Path(__file__).parents[2]


class Hunt(msgspec.Struct, frozen=True):
    """What a hunt for one mutant brought: `token` and `wrong` are empty if it was not found in `schedules`."""

    mutant: str
    schedules: int
    seconds: float
    token: str = ""
    wrong: str = ""


def hunt(number: int) -> Hunt:
    """Plant the mutant in this process, and search for it."""
    mutant = MUTANTS[number]
    plant(mutant)
    from tests.simulation.explore import by_chance, exhaustive, first_wrong
    from tests.simulation.scenarios import SCENARIOS, SMALL

    begin_s, schedules = process_time(), 0
    for name in mutant.scenarios:
        scenario = SCENARIOS[name]
        is_small = scenario in SMALL
        runs = itertools.islice(exhaustive(scenario), ALL_MAX) if is_small else by_chance(scenario, 1, CHANCE_MAX)
        count, found = first_wrong(scenario, runs)
        schedules += count
        if found is not None:
            return Hunt(mutant.name, schedules, process_time() - begin_s, found.token, found.wrong)
    return Hunt(mutant.name, schedules, process_time() - begin_s)


def hunt_all(processes: int) -> list[Hunt]:
    """All mutants, so many at a time."""
    with ThreadPoolExecutor(processes) as pool:
        return list(pool.map(hunt_in_process, range(len(MUTANTS))))


def hunt_in_process(number: int) -> Hunt:
    """Hunt for one mutant in a process of its own."""
    command = [sys.executable, "-m", "tests.simulation.run", "--mutant", str(number)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    if done.returncode:
        raise RuntimeError(f"{MUTANTS[number].name}: {done.stderr[-2_000:]}")
    return msgspec.convert(json.loads(done.stdout.splitlines()[-1]), Hunt)
