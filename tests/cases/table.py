"""Run every case in every way and print a table of what is right and what was seen: `python -m tests.cases.table`.

With a folder as option it runs the recordings there (`given.py`) instead of our own.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.cases.cases import CASES, Case
from tests.cases.checks import CHECKS, Seen
from tests.cases.given import GIVEN
from tests.cases.inputs import write
from tests.cases.ways import WAYS, Outcome, run

PAGE = Path(__file__).parents[2] / "docs" / "cases.md"
TITLE = """# Small recordings of faults

Written by `make cases`: each recording of `tests/cases/inputs.py` in one process, by services over the bus, and
imported and backtested. *right*: the check of that name in `tests/cases/checks.py` held, and orders, fills and
positions were equal in the three ways.
"""
Check = Callable[[Outcome], Seen]
HEAD = "| case | right | seen | one process | services | import + backtest |\n|---|---|---|---|---|---|"


def rows(folder: Path, given: Path | None) -> Iterator[str]:
    """One row a case."""
    for case, recording, check in _given(given) if given else _own(folder):
        place = folder / recording.name.partition(".")[0]
        place.mkdir(exist_ok=True)
        done = [run(way, case, recording, place) for way in WAYS]
        memory = done[0]
        if check is None or memory.code == 2:
            seen, is_right = memory.err.strip().splitlines()[-1], memory.code == case.exit_code
        else:
            seen, is_right = check(memory)
        verdicts = [_verdict(memory, other, is_right and memory.code == case.exit_code) for other in done]
        seen = seen.replace(str(recording), recording.name)
        yield f"| `{recording.name}` | {case.right} | {seen} | {' | '.join(verdicts)} |"


def _own(folder: Path) -> Iterator[tuple[Case, Path, Check | None]]:
    for case in CASES:
        place = folder / case.name
        place.mkdir()
        yield case, write(case.name, place), CHECKS.get(case.name)


def _given(folder: Path) -> Iterator[tuple[Case, Path, Check | None]]:
    for given in GIVEN:
        options = [str(folder / option) if option.endswith(".json") else option for option in given.case.options]
        yield given.case._replace(options=options), folder / given.file, given.check


def _verdict(memory: Outcome, other: Outcome, is_right: bool) -> str:
    equal = other.code == memory.code and other.summary.get("digests") == memory.summary.get("digests")
    return ("right" if is_right else "WRONG") if equal else f"DIFFERS, exit {other.code}"


def main() -> None:
    """Print the table as it grows; `--write` puts that of our own cases into docs/cases.md. Exit 1 if one is wrong."""
    given = [Path(option) for option in sys.argv[1:] if option != "--write"]
    table = [HEAD]
    sys.stdout.write(f"{HEAD}\n")
    with tempfile.TemporaryDirectory() as folder:
        for row in rows(Path(folder), given[0] if given else None):
            table.append(row)
            sys.stdout.write(f"{row}\n")
            sys.stdout.flush()
    if "--write" in sys.argv:
        PAGE.write_text("\n".join([TITLE, *table, ""]))
    sys.exit(any("WRONG" in row or "DIFFERS" in row for row in table))


if __name__ == "__main__":
    main()
