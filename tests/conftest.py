"""What all tests share: the option to rewrite golden files, and recorded exchange data where it is at hand."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# No example is timed: the first one compiles, and machines are noisy.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--update-golden`; only `make golden` passes it."""
    parser.addoption("--update-golden", action="store_true", help="rewrite golden files instead of comparing")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A file is one worker's, and files that share a session are too. Those that run whole sessions come first."""
    items.sort(key=lambda item: not {"parity", "integration"} & {*item.path.parts})
    for item in items:
        shares = item.path.parent.name == "monitoring"
        item.add_marker(
            pytest.mark.xdist_group("monitoring" if shares else f"{item.path.parent.name}.{item.path.stem}")
        )


@pytest.fixture(scope="session")
def shared_data(pytestconfig: pytest.Config) -> Path:
    """The folder of recorded exchange data beside the repository; the test is skipped where it is absent."""
    folder = pytestconfig.rootpath.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no recorded exchange data: ../shared/data is absent")
    return folder
