"""Run the tests of every wire fault once and write docs/wire-faults.md: `python -m tests.contract.wire_table`."""

import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pytest
from tests.contract.wire_faults import FAULTS, Fault

TABLE = Path(__file__).parents[2] / "docs" / "wire-faults.md"
PASSED = "passed"
HANDLED = "handled"
NOT_APPLICABLE = "not applicable"
_OUTCOMES = "Seen: "
_HEAD = """# Faults of the wire

What an exchange's connection does to a recorder sooner or later, and how it is handled for Binance Spot. Written by
`make wire`, which runs the tests of every row: a fault is *handled* only where all of its tests passed.
"""


class Outcomes:
    """A plugin of pytest: how each test that ran ended."""

    def __init__(self) -> None:
        self.by_test: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Record the worst of set-up, call and tear-down."""
        if self.by_test.get(report.nodeid, PASSED) == PASSED:
            self.by_test[report.nodeid] = report.outcome


def cases_of(test: str, nodes: Iterable[str]) -> list[str]:
    """The nodes of a test: itself, or each of its cases if it is named without one."""
    return [node for node in nodes if node == test or node.startswith(f"{test}[")]


def seen(fault: Fault, outcomes: Mapping[str, str]) -> str:
    """What the run showed of a fault: handled, or the first test that did not pass and how it ended."""
    if not fault.tests:
        return NOT_APPLICABLE
    for test in fault.tests:
        nodes = cases_of(test, outcomes)
        if not nodes:
            return f"not run: `{_name(test)}`"
        for node in nodes:
            if outcomes[node] != PASSED:
                return f"{outcomes[node]}: `{_name(node)}`"
    return HANDLED


def table(outcome_of: Callable[[Fault], str]) -> str:
    """The complete file."""
    found = [outcome_of(fault) for fault in FAULTS]
    applicable = sum(bool(fault.tests) for fault in FAULTS)
    lines = [
        _HEAD,
        f"{len(FAULTS)} faults: {applicable} apply, {len(FAULTS) - applicable} do not, with the reason.",
        f"{_OUTCOMES}{found.count(HANDLED)} of {applicable} handled.",
        "",
        "| # | fault | handling | tests | seen |",
        "|---|---|---|---|---|",
        *(
            f"| {fault.number} | {fault.fault} | {fault.handling} | {_tests(fault)} | {ending} |"
            for fault, ending in zip(FAULTS, found, strict=True)
        ),
    ]
    return "\n".join(lines) + "\n"


def without_outcomes(text: str) -> list[str]:
    """The lines of a table without what was seen."""
    lines = [line for line in text.splitlines() if not line.startswith(_OUTCOMES)]
    return [line.rstrip(" |").rpartition(" | ")[0] if line.startswith("| ") else line for line in lines]


def _name(test: str) -> str:
    return test.rpartition("/")[2].replace("|", "\\|")


def _tests(fault: Fault) -> str:
    return "<br>".join(f"`{_name(test)}`" for test in fault.tests)


def main() -> int:
    """Run, write, and name what is not handled: then 1. Nothing is written if pytest could not run the tests."""
    outcomes = Outcomes()
    tests = sorted({test for fault in FAULTS for test in fault.tests})
    code = pytest.main(["-q", "-m", "", "-p", "no:cacheprovider", *tests], plugins=[outcomes])
    if code not in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}:
        return int(code)
    TABLE.write_text(table(lambda fault: seen(fault, outcomes.by_test)))
    open_faults = {fault: seen(fault, outcomes.by_test) for fault in FAULTS}
    wrong = {fault: ending for fault, ending in open_faults.items() if ending not in {HANDLED, NOT_APPLICABLE}}
    for fault, ending in wrong.items():
        sys.stderr.write(f"{fault.number}: {fault.fault}: {ending}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
