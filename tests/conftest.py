"""What all tests share: the option to rewrite golden files, and recorded exchange data where it is at hand."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

# No example is timed: the first one compiles, and machines are noisy.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--update-golden`; only `make golden` passes it."""
    parser.addoption("--update-golden", action="store_true", help="rewrite golden files instead of comparing")


class ByFile(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no hints
    """A file of tests is one worker's, and files that share a session are too."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return "monitoring" if "/monitoring/" in path else path


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    """Several workers take the tests file by file."""
    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that run whole sessions come first: short ones fill what is left of several workers' time."""
    items.sort(key=lambda item: not {"parity", "integration"} & {*item.path.parts})


@pytest.fixture(scope="session")
def shared_data(pytestconfig: pytest.Config) -> Path:
    """The folder of recorded exchange data beside the repository; the test is skipped where it is absent."""
    folder = pytestconfig.rootpath.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no recorded exchange data: ../shared/data is absent")
    return folder
