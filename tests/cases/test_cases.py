"""Small recordings of faults: what is right is seen in every way a recording can take through the product.

`make cases` runs the slow way (services) too and writes what was seen to docs/cases.md.
"""

from pathlib import Path

import pytest
from tests.cases.cases import CASES, Case
from tests.cases.checks import CHECKS
from tests.cases.inputs import write
from tests.cases.table import PAGE
from tests.cases.ways import Outcome, run

NAMES = [case.name for case in CASES]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cases")


def outcomes(case: Case, folder: Path, *ways: str) -> list[Outcome]:
    """The case in some of the ways."""
    folder = folder / case.name
    folder.mkdir(exist_ok=True)
    recording = write(case.name, folder)
    return [run(way, case, recording, folder) for way in ways]


def assert_right(case: Case, memory: Outcome) -> None:
    assert memory.code == case.exit_code, memory.err
    if case.name not in CHECKS:
        assert memory.err.splitlines()[-1].startswith("error: "), memory.err
        return
    seen, is_right = CHECKS[case.name](memory)
    assert is_right, f"{case.name}: {seen}; right: {case.right}"


def assert_alike(memory: Outcome, other: Outcome) -> None:
    assert other.code == memory.code, other.err
    if memory.code != 2:
        assert other.summary["digests"] == memory.summary["digests"]


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_in_one_process_and_imported_and_backtested(case: Case, folder: Path) -> None:
    memory, backtested = outcomes(case, folder, "memory", "backtest")
    assert_right(case, memory)
    assert_alike(memory, backtested)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_by_services(case: Case, folder: Path) -> None:
    memory, services = outcomes(case, folder, "memory", "services")
    assert_alike(memory, services)
    if case.name in CHECKS:
        assert CHECKS[case.name](services) == CHECKS[case.name](memory)


def test_the_page_has_every_case() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    assert [row.split("`")[1].partition(".")[0] for row in rows] == NAMES
    assert not [row for row in rows if not row.endswith("| right | right | right |")]
