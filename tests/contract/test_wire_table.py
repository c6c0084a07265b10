"""The table of the wire's faults: complete, each row with tests that exist, and the written one up to date."""

import subprocess
import sys

import pytest
from tests.contract.wire_faults import FAULTS, Fault
from tests.contract.wire_table import HANDLED, NOT_APPLICABLE, TABLE, cases_of, seen, table, without_outcomes

NOT_OURS = [13, 14, 15, 16, 17, 24, 53, 57, 58, 61]
TESTS = sorted({test for fault in FAULTS for test in fault.tests})


def test_each_of_61_faults_has_a_row_with_tests_or_a_reason() -> None:
    assert [fault.number for fault in FAULTS] == list(range(1, 62))
    assert [fault.number for fault in FAULTS if not fault.tests] == NOT_OURS
    for fault in FAULTS:
        assert fault.handling.endswith("."), fault
        assert "|" not in fault.fault + fault.handling, fault


def test_each_test_exists(pytestconfig: pytest.Config) -> None:
    files = sorted({test.partition("::")[0] for test in TESTS})
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-m", "", *files]
    done = subprocess.run(command, cwd=pytestconfig.rootpath, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2_000:]
    nodes = done.stdout.splitlines()
    assert [test for test in TESTS if not cases_of(test, nodes)] == []


def test_the_written_table_is_that_of_the_list() -> None:
    assert without_outcomes(TABLE.read_text()) == without_outcomes(table(lambda _: "?"))


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ({"a.py::x": "passed", "b.py::y[1]": "passed", "b.py::y[2]": "passed"}, HANDLED),
        ({"a.py::x": "passed", "b.py::y[1]": "passed", "b.py::y[2]": "failed"}, "failed: `b.py::y[2]`"),
        ({"a.py::x": "skipped", "b.py::y": "passed"}, "skipped: `a.py::x`"),
        ({"a.py::x": "passed", "b.py::yy": "passed"}, "not run: `b.py::y`"),
        ({}, "not run: `a.py::x`"),
    ],
)
def test_a_fault_is_handled_only_if_all_its_tests_passed(outcomes: dict[str, str], expected: str) -> None:
    assert seen(Fault(1, "fault", "handling.", ("a.py::x", "b.py::y")), outcomes) == expected
    assert seen(Fault(2, "fault", "reason."), outcomes) == NOT_APPLICABLE
