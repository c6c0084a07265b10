"""An archiver whose store is away: its file grows, and the store has all of the log later."""

import asyncio
from argparse import Namespace
from pathlib import Path

import pytest
from tests.integration.runtime.group import Group, running, until
from tests.integration.runtime.server import GROUP, Server
from tests.integration.runtime.test_archiver import stream_records
from tests.integration.runtime.test_reader import append
from tests.integration.test_store_outage import front

from mm_bus.nats_server import free_port
from mm_core.setup.config import to_config
from mm_service.service import Service
from mm_service.settings import Settings
from mm_services.archiver import archiver as archivers
from mm_services.archiver.archiver import Archiver
from mm_store.clickhouse.log_table import read_records as stored_records
from mm_store.clickhouse.store import open_store
from mm_store.log_read import read_records

SESSION = "away"


async def begun(group: Group, server: Server, folder: Path, port: int) -> Archiver:
    """The archiver in this process, on a bus of its own."""
    store = {"log": str(folder), "url": f"http://127.0.0.1:{port}", "session": SESSION, "batch_ms": 50}
    settings: Settings = to_config({"store": store, "bus": {"group": GROUP}}, Settings)
    service = Service("archiver", settings, Namespace())
    await service.bus.connect(server.url, "archiver")
    group.buses.append(service.bus)
    archiver = Archiver(service)
    archiver.begin()
    return archiver


def test_the_file_does_not_wait_for_the_store(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Away at the start, and again later for longer than what may wait for it."""
    monkeypatch.setattr(archivers, "WAITING_EVENTS_MAX", 50)
    port = free_port(0, "port")

    async def run() -> int:
        async with running(server.url) as group:
            seqs = await append(group, 400)
            archiver = await begun(group, server, tmp_path, port)
            await until(lambda: archiver.status()["file_seq"] == seqs[-1])
            assert archiver.is_failing
            assert archiver.stored_seq == 0
            with front(tmp_path / "clickhouse", port) as first:
                await until(lambda: archiver.stored_seq == seqs[-1])
                assert not archiver.is_failing
                first.kill()
            seqs = await append(group, 700)
            await until(lambda: archiver.status()["file_seq"] == seqs[-1])
            assert archiver.is_failing
            assert archiver.status()["waiting"] <= 50
            with front(tmp_path / "clickhouse", port) as second:
                await until(lambda: archiver.stored_seq == seqs[-1])
                await archiver.stop()
                second.kill()
            records = await stream_records(await group.connect(), seqs[-1])
            assert list(read_records(tmp_path)) == records
            client = open_store(tmp_path / "clickhouse")
            assert list(stored_records(client, SESSION)) == records
            client.close()
            return len(records)

    assert asyncio.run(run()) == 1_102
