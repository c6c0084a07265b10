"""The schema: numbered SQL files, each applied once and recorded with its digest."""

import hashlib
import re
from pathlib import Path

import msgspec
from clickhouse_connect.driver.client import Client

from mm_core.types import InputError
from mm_store.clickhouse.errors import reaching
from mm_store.clickhouse.tables import LOG_TABLE, TABLES

# The software runs from a checkout, or from an image that holds one.
FOLDER = Path(__file__).parents[3] / "deploy" / "clickhouse"
_FILE = re.compile(r"\d{4}_[a-z0-9_]+\.sql")
_RECORD = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    name String, sha256 String, applied_at DateTime('UTC') DEFAULT now()
) ENGINE = MergeTree ORDER BY name
"""
_TIME_TO_LIVE = """
SELECT name, extract(engine_full, 'TTL (.+?)( SETTINGS|$)') FROM system.tables WHERE database = {database:String}
"""
_APPLIED = "INSERT INTO schema_migrations (name, sha256) VALUES ({name:String}, {sha256:String})"


class Migration(msgspec.Struct, frozen=True, kw_only=True):
    """One file: its name, the digest of its bytes, and its statements."""

    name: str
    sha256: str
    statements: tuple[str, ...]


def keep_rows(client: Client, days: int) -> None:
    """Let every table of the log delete its rows so many days after the time of their event (0: never).

    Rows of the log itself live so long from when they were stored.
    """
    with reaching("schema"):
        rows = client.query(_TIME_TO_LIVE, {"database": client.database}).result_rows
        now = {str(name): str(ttl) for name, ttl in rows}
        for name in (*TABLES, LOG_TABLE):
            time = "stored_at" if name == LOG_TABLE else "toDateTime(local_ns)"
            required = f"{time} + toIntervalDay({days})" if days else ""
            if now[name] != required:
                client.command(f"ALTER TABLE {name} " + (f"MODIFY TTL {required}" if days else "REMOVE TTL"))


def apply_schema(client: Client, folder: Path = FOLDER) -> list[str]:
    """Apply the files that the database does not have yet, in the order of their numbers; returns their names.

    InputError names a file that was changed or removed after it was applied. Statements must bear to run twice: a
    process that dies within a file begins it again.
    """
    migrations = read_migrations(folder)
    with reaching("schema"):
        client.command(_RECORD)
        rows = client.query("SELECT name, sha256 FROM schema_migrations ORDER BY applied_at").result_rows
        applied: dict[str, str] = {name: sha256 for name, sha256 in rows}  # noqa: C416 - rows have no static length
        _check(migrations, applied, folder)
        fresh = [migration for migration in migrations if migration.name not in applied]
        for migration in fresh:
            for statement in migration.statements:
                client.command(statement)
            client.command(_APPLIED, {"name": migration.name, "sha256": migration.sha256})
    return [migration.name for migration in fresh]


def read_migrations(folder: Path) -> list[Migration]:
    """The files of a folder in order. InputError if there are none, or one whose name is not `0001_name.sql`."""
    paths = sorted(folder.glob("*.sql"))
    if not paths:
        raise InputError(f"{folder}: no files 0001_name.sql; expected the schema of the store")
    for path, after in zip(paths, [*paths[1:], None], strict=True):
        if not _FILE.fullmatch(path.name) or (after and after.name[:4] == path.name[:4]):
            raise InputError(f"{path}: expected a name such as 0001_market.sql, with a number of its own")
    return [_read(path) for path in paths]


def _read(path: Path) -> Migration:
    data = path.read_bytes()
    statements = re.split(r";[ \t]*$", data.decode(), flags=re.MULTILINE)
    code = [re.sub(r"^\s*--.*$", "", statement, flags=re.MULTILINE).strip() for statement in statements]
    return Migration(
        name=path.name,
        sha256=hashlib.sha256(data).hexdigest(),
        statements=tuple(statement for statement in code if statement),
    )


def _check(migrations: list[Migration], applied: dict[str, str], folder: Path) -> None:
    known = {migration.name: migration.sha256 for migration in migrations}
    for name, sha256 in applied.items():
        if name not in known:
            raise InputError(f"{folder / name}: applied to this database but not there; expected a newer crypto-mm")
        if known[name] != sha256:
            raise InputError(f"{folder / name}: changed after it was applied; expected a new file with the next number")
