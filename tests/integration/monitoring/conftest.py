"""One real session for all tests of this folder, scraped by a real Prometheus where there is one."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.integration.monitoring.observed import Observed, observe
from tests.integration.monitoring.prometheus import PROGRAM, Prometheus


@pytest.fixture(scope="session")
def observed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    """A session that has ended, and what it exported while it ran."""
    with observe(tmp_path_factory.mktemp("monitoring")) as observed:
        yield observed


@pytest.fixture(scope="session")
def prometheus(observed: Observed) -> Prometheus:
    """The Prometheus that has scraped it."""
    if observed.prometheus is None:
        pytest.skip(f"no {PROGRAM} on the path; expected the Debian package {PROGRAM}")
    return observed.prometheus


@pytest.fixture(scope="session")
def promtool() -> str:
    """The program that checks rules."""
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("no promtool on the path; expected the Debian package prometheus")
    return found
