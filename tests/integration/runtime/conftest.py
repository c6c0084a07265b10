"""A real nats-server for each test; and `tests.integration.runtime.*` importable: test folders are no packages."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.integration.runtime.server import Server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server on a free port with its data in the test's own folder."""
    server = Server(tmp_path / "bus")
    server.start()
    yield server
    server.kill()
