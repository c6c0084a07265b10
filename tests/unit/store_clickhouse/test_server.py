"""A server in the place of the embedded engine: same rows, and nothing lost or doubled when it goes away."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.unit.store_clickhouse import http_front
from tests.unit.store_clickhouse.samples import log

from mm_core.types import InputError
from mm_store.clickhouse.archive import Archive
from mm_store.clickhouse.errors import StoreUnavailable
from mm_store.clickhouse.query import read_only
from mm_store.clickhouse.schema import apply_schema
from mm_store.clickhouse.store import open_reader, open_store
from mm_store.clickhouse.tables import TABLES

COUNT = " + ".join(f"(SELECT count() FROM {table})" for table in TABLES)  # noqa: S608 - the test's own text


@contextmanager
def server(folder: Path, port: int = 0, silent_at: int = 0) -> Iterator[int]:
    """A server on a folder, and its port; it is stopped with the block."""
    command = [sys.executable, http_front.__file__, str(folder), str(port), str(silent_at)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield int(process.stdout.readline())
        process.communicate()


def test_a_server_stores_and_answers_what_the_embedded_engine_does(tmp_path: Path) -> None:
    with server(tmp_path) as port:
        client = open_store(None, f"http://127.0.0.1:{port}")
        assert len(apply_schema(client)) >= 3
        archive = Archive(client, "s")
        for seq, event in log(100):
            archive.add(seq, event)
        archive.flush()
        reader = open_reader(None, f"http://127.0.0.1:{port}")
        assert read_only(reader, f"SELECT {COUNT} AS n", "JSONEachRow") == b'{"n":100}\n'
        for sql in ("drop table fills", "select * from file('x')", "select 1 settings readonly = 0", "select nope"):
            with pytest.raises(InputError, match=r"^sql: ") as error:
                read_only(reader, sql)
            assert str(port) not in str(error.value)
        assert archive.counts()["fills"] > 0
        reader.close()
        client.close()


def test_what_a_server_could_not_take_stays_pending_and_is_written_later(tmp_path: Path) -> None:
    events = list(log(150))
    with server(tmp_path) as port:
        client = open_store(None, f"http://127.0.0.1:{port}")
        apply_schema(client)
        archive = Archive(client, "s")
        for seq, event in events[:50]:
            archive.add(seq, event)
        archive.flush()
    for seq, event in events[50:100]:
        archive.add(seq, event)
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            archive.flush()
    assert (archive.pending, archive.next_seq) == (50, 51)
    for seq, event in events[100:]:
        archive.add(seq, event)
    assert archive.pending == 100
    with server(tmp_path, port):
        archive.flush()
        assert (archive.pending, archive.next_seq) == (0, 151)
        assert client.command(f"SELECT {COUNT}") == 150
        client.close()


@pytest.mark.parametrize("silent_at", [1, 18])
def test_an_insert_whose_answer_is_lost_is_not_doubled(tmp_path: Path, silent_at: int) -> None:
    with server(tmp_path, silent_at=silent_at) as port:
        client = open_store(None, f"http://127.0.0.1:{port}")
        apply_schema(client)
        archive = Archive(client, "s")
        for seq, event in log(100):
            archive.add(seq, event)
        archive.flush()
        assert client.command(f"SELECT {COUNT}") == 100
        assert Archive(client, "s").next_seq == 101
        client.close()
