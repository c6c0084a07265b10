"""Opening: one line with what would be right, whatever was given."""

import subprocess
import sys
from pathlib import Path

import pytest

from mm_core.types import InputError
from mm_store.clickhouse.errors import StoreUnavailable
from mm_store.clickhouse.store import open_reader, open_store

HOLDER = """
import sys
from pathlib import Path
from mm_store.clickhouse.store import open_store
client = open_store(Path(sys.argv[1]))
print("open", flush=True)
sys.stdin.read()
client.close()
"""


@pytest.mark.parametrize(
    "url",
    ["clickhouse://localhost", "localhost:8123", "http://", "http://host:many", "http://me:secret@host", "ftp://h"],
)
def test_a_wrong_url_is_an_error_without_a_connection(url: str) -> None:
    with pytest.raises(InputError, match="expected http://host:port"):
        open_store(None, url)


@pytest.mark.parametrize("database", ["", "a b", "a;b", "1a", "a.b", "`a`"])
def test_a_wrong_database_is_an_error(tmp_path: Path, database: str) -> None:
    for open_it in (open_store, open_reader):
        with pytest.raises(InputError, match="expected a name of letters"):
            open_it(tmp_path, database=database)


def test_without_folder_and_url_there_is_no_store() -> None:
    with pytest.raises(InputError, match="expected the folder"):
        open_store(None)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="expected a writable folder"):
        open_store(tmp_path / "file" / "store")


def test_a_folder_that_another_process_has_open_is_refused(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(InputError, match="expected a folder for ClickHouse that no other process has open"):
            open_store(tmp_path)
        holder.communicate()
    open_store(tmp_path).close()


def test_a_store_closed_and_opened_elsewhere_is_another_one(tmp_path: Path) -> None:
    for name in ("one", "two", "one"):
        client = open_store(tmp_path / name)
        assert client.query("SHOW TABLES").result_rows == []
        client.command(f"CREATE TABLE {name} (a Int64) ENGINE = Memory")
        client.command(f"DROP TABLE {name} SYNC")
        client.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]


def test_a_server_that_does_not_answer_is_unavailable() -> None:
    with pytest.raises(StoreUnavailable, match="http://127"):
        open_store(None, "http://127.0.0.1:9")
