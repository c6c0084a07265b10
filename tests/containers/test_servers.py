"""The servers of docker-compose.yml, one by one: the log on NATS and the archive in ClickHouse outlive a restart."""

import asyncio
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from urllib.request import urlopen

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError
from testcontainers.core.container import DockerContainer
from tests.containers.project import ROOT, until
from tests.integration.runtime.group import beside, publish_all, running
from tests.integration.runtime.nodes import market, plain_log
from tests.integration.runtime.server import log_of
from tests.unit.store_clickhouse.samples import log

from mm_bus.nats_server import free_port
from mm_service.volumes import STORE_USERS, store_config
from mm_store.clickhouse.archive import Archive
from mm_store.clickhouse.errors import StoreUnavailable
from mm_store.clickhouse.schema import apply_schema
from mm_store.clickhouse.store import open_store

COMPOSE = (ROOT / "docker-compose.yml").read_text()
PASSWORD = "of a test"  # noqa: S105


def image(name: str) -> str:
    """The image that docker-compose.yml names."""
    (found,) = re.findall(rf"image: ({name}:\S+)", COMPOSE)
    return str(found)


@contextmanager
def server(
    name: str, port: int, inside: int, *command: str, files: dict[str, Path] | None = None
) -> Iterator[DockerContainer]:
    """A container that listens on a port of this machine."""
    container = DockerContainer(image(name))
    for path, file in (files or {}).items():
        container.with_volume_mapping(file, path)
    container.ports = {inside: ("127.0.0.1", port)}  # type: ignore[dict-item]  # with_bind_ports takes no address
    with container.with_command(list(command)) if command else container as started:
        yield started


def test_a_log_continues_when_its_container_is_killed_and_started() -> None:
    roots, port = market(200), free_port(0, "port")
    url = f"nats://127.0.0.1:{port}"

    async def run(container: DockerContainer) -> None:
        async with running(url) as group:
            _, sequencer = await group.sequencer()
            await group.nodes()
            source = await group.source()
            await source.put(roots[:100])
            await asyncio.to_thread(container.get_wrapped_container().kill)
            await asyncio.to_thread(container.get_wrapped_container().start)
            await beside(group, publish_all(group, source, roots[100:]))
            assert sequencer.counts.roots_refused == 0

    with server("nats", port, 4222, "-js", "-sd", "/data") as container:
        until(lambda: b"INFO" in _greeting(port))
        asyncio.run(run(container))
        assert asyncio.run(log_of(SimpleNamespace(url=url))) == plain_log(roots)  # type: ignore[arg-type]


def _greeting(port: int) -> bytes:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            return connection.recv(1_000)
    except OSError:
        return b""


def test_the_archive_continues_when_its_container_is_killed_and_started(tmp_path: Path) -> None:
    port = free_port(0, "port")
    url = f"http://127.0.0.1:{port}"
    (tmp_path / "users.xml").write_text(store_config(dict.fromkeys(STORE_USERS, PASSWORD)))
    files = {"/etc/clickhouse-server/users.d/users.xml": tmp_path / "users.xml"}
    with server("clickhouse/clickhouse-server", port, 8123, files=files) as container:
        until(lambda: _answers(url))
        client = open_store(None, url, user="archiver", password=PASSWORD)
        apply_schema(client)
        archive = Archive(client, "s")
        events = list(log(400))
        for seq, event in events[:200]:
            archive.add(seq, event)
        archive.flush()
        container.get_wrapped_container().kill()
        for seq, event in events[200:]:
            archive.add(seq, event)
        with pytest.raises(StoreUnavailable):
            archive.flush()
        container.get_wrapped_container().start()
        until(lambda: _answers(url))
        archive.flush()
        assert Archive(client, "s").next_seq == 401
        assert sum(archive.counts().values()) > 0
        if container.exec(["test", "-e", "/opt/clickhouse_front.py"]).exit_code == 0:
            pytest.skip("all but the users is shown: the stand-in for ClickHouse has none")
        reader = open_store(None, url, user="reader", password=PASSWORD)
        with pytest.raises(DatabaseError, match=r"ACCESS_DENIED|READONLY|Not enough privileges"):
            reader.command("INSERT INTO crypto_mm.archived SELECT * FROM crypto_mm.archived")


def _answers(url: str) -> bool:
    try:
        with urlopen(f"{url}/ping", timeout=1) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except OSError:
        return False
