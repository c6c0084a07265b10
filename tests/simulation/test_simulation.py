"""Some thousand schedules, and that the simulation itself can be relied on; `make simulate` runs a hundred thousand."""

import importlib.util
from collections import Counter
from pathlib import Path

import pytest
from tests.simulation.explore import by_chance, exhaustive, first_wrong
from tests.simulation.hunts import hunt_in_process
from tests.simulation.mutants import MUTANTS, Mutant, edited
from tests.simulation.run import MARK, TABLE
from tests.simulation.scenarios import LARGE, SCENARIOS, SMALL, Scenario, run
from tests.simulation.schedule import RandomSchedule, Schedule, of_token, to_token
from tests.simulation.world import FAULTS, SHORTER

CHANCE = 60


@pytest.mark.parametrize("scenario", SMALL, ids=lambda scenario: scenario.name)
def test_every_single_deviation_leads_to_the_same_log(scenario: Scenario) -> None:
    _, found = first_wrong(scenario, exhaustive(scenario, depth=1))
    assert found is None, f"{found}; replay: python -m tests.simulation.run --token {found.token}"


@pytest.mark.parametrize("scenario", LARGE, ids=lambda scenario: scenario.name)
def test_random_schedules_lead_to_the_same_log(scenario: Scenario) -> None:
    _, found = first_wrong(scenario, by_chance(scenario, 1, CHANCE * scenario.share))
    assert found is None, f"{found}; replay: python -m tests.simulation.run --token {found.token}"


def test_every_kind_of_fault_happens() -> None:
    happened: Counter[str] = Counter()
    for scenario in (SCENARIOS["appends"], SCENARIOS["two-writers"]):
        for done in by_chance(scenario, 2, 100):
            happened.update(done.happened)
    assert sorted(happened) == sorted(kind for kind in FAULTS if kind != SHORTER)


@pytest.mark.parametrize("name", ["append", "read", "intake", "group"])
def test_a_token_replays_a_schedule_step_by_step(name: str) -> None:
    scenario = SCENARIOS[name]
    tried = (run(scenario, RandomSchedule(str(seed), scenario.faults_max), traces=True) for seed in range(100))
    once = next(each for each in tried if len(each.happened) > 1)
    name_again, deviations = of_token(to_token(name, once.schedule.deviations))
    again = run(SCENARIOS[name_again], Schedule(deviations), traces=True)
    assert (again.trace, again.log) == (once.trace, once.log)


def test_no_token_is_one_line() -> None:
    with pytest.raises(ValueError, match="expected <scenario>:<place>=<alternative>"):
        of_token("group")


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_every_planted_fault_has_its_place_in_the_source(mutant: Mutant) -> None:
    spec = importlib.util.find_spec(mutant.module)
    assert spec is not None
    assert spec.origin is not None
    source = Path(spec.origin).read_text()
    assert edited(source, mutant) != source


def test_a_planted_fault_is_found() -> None:
    names = [mutant.name for mutant in MUTANTS]
    hunt = hunt_in_process(names.index("a reader does not notice a hole"))
    assert hunt.token, "not found"
    scenario, deviations = of_token(hunt.token)
    assert not run(SCENARIOS[scenario], Schedule(deviations)).wrong, "the code without the fault goes wrong too"


def test_the_document_names_every_planted_fault() -> None:
    shown = TABLE.read_text().partition(MARK)[2]
    assert [mutant.name for mutant in MUTANTS if f"| {mutant.name} |" not in shown] == []
