"""The archiver as the process that it is: file and store equal the stream, however it is killed."""

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.integration.runtime.group import Group, running
from tests.integration.runtime.server import GROUP, Server
from tests.integration.runtime.test_reader import append

from mm_bus.bus import Bus
from mm_bus.log_poller import LogPoller
from mm_core.types import IntegrityError
from mm_session.complete_log import complete_log
from mm_session.copy_log import copy_log
from mm_store.clickhouse.log_table import read_records as stored_records
from mm_store.clickhouse.store import open_store
from mm_store.log_file import LogWriter
from mm_store.log_read import read_records
from mm_wire.chain import FIRST, Record, name_of
from mm_wire.subjects import ARCHIVER, status_subject, stream

PATIENCE_S = 60.0
SESSION = "one"


@contextmanager
def archiver(server: Server, folder: Path, **more: str) -> Iterator[subprocess.Popen[str]]:
    """The service, killed at the end."""
    settings = {"bus.url": server.url, "bus.group": GROUP, "store.path": str(folder / "clickhouse")}
    settings |= {"store.log": str(folder), "store.session": SESSION, "store.batch_ms": "200", **more}
    options = [option for key, value in settings.items() for option in ("--set", f"{key}={value}")]
    command = [sys.executable, "-m", "mm_services.archiver", *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


async def until_stored(group: Group, seq: int, name: str = "stored_seq") -> dict[str, Any]:
    """Poll the archiver until file and store have a message."""
    bus = await group.connect()
    async with asyncio.timeout(PATIENCE_S):
        while True:
            status = await bus.request(status_subject(GROUP, ARCHIVER), timeout_s=1.0)
            if status and min(status["file_seq"], status[name]) >= seq:
                return dict(status)
            await asyncio.sleep(0.02)


async def stream_records(bus: Bus, last_seq: int) -> list[Record]:
    """All messages of the stream."""
    records: list[Record] = []
    done = asyncio.Event()

    async def take(record: Record) -> None:
        records.append(record)
        if record.seq == last_seq:
            done.set()

    await LogPoller(bus, GROUP, take).start()
    async with asyncio.timeout(PATIENCE_S):
        await done.wait()
    return records


def in_store(folder: Path) -> list[Record]:
    """All messages of the store, whose archiver has ended."""
    client = open_store(folder / "clickhouse")
    try:
        return list(stored_records(client, SESSION))
    finally:
        client.close()


def test_file_and_store_are_the_stream_however_often_it_is_killed(server: Server, tmp_path: Path) -> None:
    async def run() -> list[Record]:
        async with running(server.url) as group:
            for alive_s in (0.3, 0.8, 0.1):
                with archiver(server, tmp_path):
                    seqs = await append(group, 1_500)
                    await until_stored(group, 1, "file_seq")
                    await asyncio.sleep(alive_s)
            with archiver(server, tmp_path) as process:
                status = await until_stored(group, seqs[-1])
                records = await stream_records(await group.connect(), seqs[-1])
                assert (status["file_seq"], status["file_name"]) == (records[-1].seq, records[-1].name)
                process.terminate()
                assert await asyncio.to_thread(process.wait) == 0
            return records

    records = asyncio.run(run())
    assert len(records) == 4_503  # three writers' fences are among them
    assert list(read_records(tmp_path)) == records
    assert in_store(tmp_path) == records


def _died(process: subprocess.Popen[str]) -> str:
    """The last line of a service that ends by itself, which is no good end."""
    _, error = process.communicate(timeout=PATIENCE_S)
    assert process.returncode not in {0, 2}
    return error.strip().splitlines()[-1]


def test_a_log_that_is_deleted_while_it_is_written_ends_it(server: Server, tmp_path: Path) -> None:
    async def run() -> str:
        async with running(server.url) as group:
            with archiver(server, tmp_path) as process:
                seqs = await append(group, 100)
                await until_stored(group, seqs[-1])
                shutil.rmtree(tmp_path / "log")
                await append(group, 100)
                return await asyncio.to_thread(_died, process)

    assert "log was deleted or replaced while it was written, up to 101" in asyncio.run(run())


@pytest.mark.parametrize(
    ("count", "error"),
    [(50, "damaged at 52: it ends at 51, and 101 was read"), (200, "damaged at 101: another message is there")],
)
def test_a_stream_that_is_shorter_or_another_one_is_named(
    server: Server, tmp_path: Path, count: int, error: str
) -> None:
    async def begun(count: int) -> str:
        async with running(server.url) as group:
            seqs = await append(group, count)
            with archiver(server, tmp_path) as process:
                if count == 100:
                    await until_stored(group, seqs[-1])
                    return ""
                return await asyncio.to_thread(_died, process)

    asyncio.run(begun(100))
    server.kill()
    shutil.rmtree(tmp_path / "bus" / "data")
    server.start()
    assert error in asyncio.run(begun(count))
    assert len(list(read_records(tmp_path))) == 101


def test_the_rest_of_a_log_comes_from_the_bus_of_a_session_that_has_ended(server: Server, tmp_path: Path) -> None:
    async def run() -> list[Record]:
        async with running(server.url) as group:
            seqs = await append(group, 1_200)
            return await stream_records(await group.connect(), seqs[-1])

    records = asyncio.run(run())
    server.kill()
    with LogWriter(tmp_path) as writer:
        for record in records[:700]:
            writer.append(record)
    assert complete_log(tmp_path, GROUP) == 501
    assert list(read_records(tmp_path)) == records
    assert complete_log(tmp_path, GROUP) == 0
    assert complete_log(tmp_path / "nothing", GROUP) == 0
    assert complete_log(tmp_path, "another") == 0
    with LogWriter(tmp_path / "other") as writer:
        writer.append(Record(1, "", name_of(FIRST, "", b"another"), b"another"))
    shutil.copytree(tmp_path / "bus", tmp_path / "other" / "bus")
    with pytest.raises(IntegrityError, match="damaged at 1: another message is there"):
        complete_log(tmp_path / "other", GROUP)


@pytest.mark.parametrize("source", ["file", "store"])
def test_what_was_trimmed_from_the_stream_comes_from_another_copy(server: Server, tmp_path: Path, source: str) -> None:
    folder = tmp_path / "session"

    async def run() -> list[Record]:
        async with running(server.url) as group:
            with archiver(server, folder):
                seqs = await append(group, 9_000)
                await until_stored(group, seqs[-1])
                bus = await group.connect()
                records = await stream_records(bus, seqs[-1])
                await bus.jetstream.purge_stream(stream(GROUP), seq=8_000)
                if source == "store":
                    shutil.rmtree(folder / "log")
                with LogWriter(tmp_path / "copy") as writer:
                    await copy_log(bus, GROUP, writer, folder)
            return records

    records = asyncio.run(run())
    assert list(read_records(tmp_path / "copy")) == records
