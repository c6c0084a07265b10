"""Tests in containers: slow, and only where an engine answers."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of them take minutes: `make containers`."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session", autouse=True)
def _engine() -> Iterator[None]:
    """Skip without a container engine; settings of testcontainers for one that runs beside us."""
    if not all(_works(*arguments) for arguments in (["compose", "version"], ["info"])):
        pytest.skip("no container engine answers: `docker info` and `docker compose version` must work")
    given = {"TESTCONTAINERS_RYUK_DISABLED": "true", "TESTCONTAINERS_CONNECTION_MODE": "docker_host"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in given.items():
            patch.setenv(name, os.environ.get(name, value))
        yield


def _works(*arguments: str) -> bool:
    docker = shutil.which("docker")
    return docker is not None and subprocess.run([docker, *arguments], capture_output=True, check=False).returncode == 0
