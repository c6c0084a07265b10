"""Migrations: in order, once, and never changed behind a database's back."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from mm_core.types import InputError
from mm_store.clickhouse.schema import FOLDER, apply_schema, read_migrations
from mm_store.clickhouse.store import open_store


@pytest.fixture
def fresh(empty: Client, folder: Path, request: pytest.FixtureRequest) -> Iterator[Client]:
    """A client with an empty database of the test's own."""
    assert empty.ping()
    database = request.node.name
    client = open_store(folder, database=database)
    yield client
    client.command(f"DROP DATABASE {database} SYNC")
    client.close()


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Two migrations."""
    (tmp_path / "0001_one.sql").write_text(
        "-- a; comment;\nCREATE TABLE IF NOT EXISTS one (a Int64) ENGINE = Memory;\n"
    )
    (tmp_path / "0002_two.sql").write_text("ALTER TABLE one ADD COLUMN IF NOT EXISTS b Int64;\n\n-- the end\n")
    return tmp_path


def tables(client: Client) -> list[str]:
    return [name for (name,) in client.query("SHOW TABLES").result_rows]


def test_the_files_of_the_project_are_applied_once_in_order_and_recorded(fresh: Client) -> None:
    names = [path.name for path in sorted(FOLDER.glob("*.sql"))]
    assert len(names) >= 3
    assert apply_schema(fresh) == names
    assert apply_schema(fresh) == []
    rows = fresh.query("SELECT name, sha256 FROM schema_migrations ORDER BY name").result_rows
    assert [tuple(row) for row in rows] == [(each.name, each.sha256) for each in read_migrations(FOLDER)]


def test_only_what_is_new_is_applied(fresh: Client, files: Path) -> None:
    assert apply_schema(fresh, files) == ["0001_one.sql", "0002_two.sql"]
    (files / "0003_three.sql").write_text("CREATE TABLE IF NOT EXISTS three (a Int64) ENGINE = Memory;")
    assert apply_schema(fresh, files) == ["0003_three.sql"]
    assert tables(fresh) == ["one", "schema_migrations", "three"]


def test_a_file_that_was_changed_after_it_was_applied_is_named(fresh: Client, files: Path) -> None:
    apply_schema(fresh, files)
    (files / "0001_one.sql").write_text("CREATE TABLE IF NOT EXISTS one (a Int32) ENGINE = Memory;\n")
    with pytest.raises(InputError, match=r"0001_one\.sql: changed after it was applied"):
        apply_schema(fresh, files)


def test_a_database_of_a_newer_version_is_refused(fresh: Client, files: Path) -> None:
    apply_schema(fresh, files)
    (files / "0002_two.sql").unlink()
    with pytest.raises(InputError, match=r"0002_two\.sql: applied to this database but not there"):
        apply_schema(fresh, files)


def test_a_file_that_failed_in_the_middle_is_begun_again(fresh: Client, files: Path) -> None:
    good = (files / "0001_one.sql").read_text()
    (files / "0001_one.sql").write_text(good + "ALTER TABLE nowhere ADD COLUMN b Int64;\n")
    with pytest.raises(DatabaseError, match="nowhere"):
        apply_schema(fresh, files)
    (files / "0001_one.sql").write_text(good)
    assert apply_schema(fresh, files) == ["0001_one.sql", "0002_two.sql"]


def test_the_schema_bears_to_be_applied_twice(fresh: Client, tmp_path: Path) -> None:
    apply_schema(fresh)
    fresh.command("TRUNCATE TABLE schema_migrations")
    shutil.copytree(FOLDER, tmp_path / "again")
    assert len(apply_schema(fresh, tmp_path / "again")) >= 3


@pytest.mark.parametrize("names", [[], ["1_one.sql"], ["0001-one.sql"], ["0001_one.sql", "0001_two.sql"]])
def test_a_folder_of_wrong_names_is_an_error_that_names_one(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).write_text("SELECT 1;")
    with pytest.raises(InputError, match=r"expected (the schema|a name such as 0001_market\.sql)"):
        read_migrations(tmp_path)
