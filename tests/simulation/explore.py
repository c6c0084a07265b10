"""Goes through schedules: all with up to two deviations from the default one, or as many random ones as requested."""

import gc
from collections.abc import Iterator

import msgspec
from tests.simulation.scenarios import Run, Scenario, run
from tests.simulation.schedule import RandomSchedule, Schedule, to_token

COLLECT_EVERY = 200
SHRINKS_MAX = 400


class Found(msgspec.Struct, frozen=True):
    """A schedule that goes wrong, after how many that do not, as small as it could be made."""

    token: str
    wrong: str
    schedules: int


def exhaustive(scenario: Scenario, part: int = 0, parts: int = 1, *, depth: int = 2) -> Iterator[Run]:
    """Every schedule with up to `depth` deviations; of these the `part`-th of `parts`, by the first deviation."""
    plain = run(scenario, Schedule(counts=True))
    if part == 0:
        yield plain
    number = 0
    for place, alternatives in enumerate(plain.schedule.counts or ()):
        for first in range(1, alternatives):
            number += 1
            if number % parts == part:
                yield from _second(scenario, {place: first}) if depth > 1 else _one(scenario, {place: first})


def _one(scenario: Scenario, deviations: dict[int, int]) -> Iterator[Run]:
    yield run(scenario, Schedule(deviations))


def _second(scenario: Scenario, deviations: dict[int, int]) -> Iterator[Run]:
    once = run(scenario, Schedule(deviations, counts=True))
    yield once
    (after,) = deviations
    for place, alternatives in enumerate(once.schedule.counts or ()):
        if place > after:
            for second in range(1, alternatives):
                yield run(scenario, Schedule({**deviations, place: second}))


def by_chance(scenario: Scenario, seed: int, count: int) -> Iterator[Run]:
    """So many random schedules."""
    for number in range(count):
        yield run(scenario, RandomSchedule(f"{scenario.name} {seed} {number}", scenario.faults_max))


def first_wrong(scenario: Scenario, runs: Iterator[Run]) -> tuple[int, Found | None]:
    """Run until one goes wrong: how many did not, and the one that did."""
    gc.disable()  # every run is made of cycles: they are collected now and then
    try:
        count = 0
        for done in runs:
            count += 1
            if count % COLLECT_EVERY == 0:
                gc.collect()
            if done.wrong:
                deviations = shrunk(scenario, done)
                wrong = run(scenario, Schedule(deviations)).wrong
                return count, Found(to_token(scenario.name, deviations), wrong, count)
        return count, None
    finally:
        gc.enable()


def shrunk(scenario: Scenario, wrong: Run) -> dict[int, int]:
    """Fewer deviations that go wrong too."""
    deviations = dict(wrong.schedule.deviations)
    assert run(scenario, Schedule(deviations)).wrong, "the schedule does not replay: something is not deterministic"
    left = SHRINKS_MAX
    size = max(len(deviations) // 2, 1)
    while left:
        places = list(deviations)
        for start in range(0, len(places), size):
            without = {place: value for place, value in deviations.items() if place not in places[start : start + size]}
            left = max(left - 1, 0)
            if run(scenario, Schedule(without)).wrong:
                deviations = without
                break
        else:
            if size == 1:
                break
            size = max(size // 2, 1)
    return deviations
