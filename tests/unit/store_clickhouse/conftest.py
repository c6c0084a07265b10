"""Stores for the tests: the embedded engine in a folder of its own. A process has one engine at a time."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from mm_store.clickhouse.schema import apply_schema
from mm_store.clickhouse.store import open_store


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The engine's folder."""
    return tmp_path_factory.mktemp("clickhouse")


@pytest.fixture(scope="module")
def empty(folder: Path) -> Iterator[Client]:
    """A store without tables."""
    client = open_store(folder)
    yield client
    client.close()


@pytest.fixture(scope="module")
def store(empty: Client) -> Client:
    """A store with its schema; its sessions are the tests' own."""
    apply_schema(empty)
    return empty
