"""Live faults on a venue on the wire: nothing is ordered on a book that is wrong or old, and the session heals.

`make livefaults` runs them, two sessions at a time, and prints a table of what is right and what was seen;
`LIVE_FAULTS_TABLE=docs/live-faults.md make livefaults` writes it too.
"""

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.livefaults.checks import replayed, row, wrong
from tests.livefaults.faults import FAULTS, Fault
from tests.livefaults.run import Seen, run
from tests.livefaults.table import write

AT_ONCE = 2  # sessions of ten processes each
KEYS = [fault.key for fault in FAULTS]
Sessions = dict[str, Future[Seen]]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def rows() -> Iterator[list[str]]:
    """The rows of the table, printed in the end, and written where the environment names a file."""
    rows: list[str] = []
    yield rows
    write(rows, os.environ.get("LIVE_FAULTS_TABLE", ""))


@pytest.fixture(scope="module")
def sessions(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sessions]:
    """The sessions of all faults that are requested, running in the background."""
    ours = [item for item in request.session.items if item.path == Path(__file__)]
    requested: list[Any] = [item.callspec.params["fault"] for item in ours if isinstance(item, pytest.Function)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        futures = {fault.key: pool.submit(run, fault, tmp_path_factory.mktemp("live")) for fault in requested}
        try:
            yield futures
        finally:
            pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("fault", FAULTS, ids=KEYS)
def test_a_live_fault(fault: Fault, sessions: Sessions, rows: list[str], tmp_path: Path) -> None:
    seen = sessions[fault.key].result()
    problems = [*wrong(fault, seen), *replayed(seen, tmp_path)]
    rows.append(row(fault, seen, problems))
    assert problems == []
