"""The users of ClickHouse on the real engine: embedded, with the generated file, its only user in the place of each."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mm_service.volumes import STORE_USERS, store_config
from mm_store.clickhouse.schema import FOLDER, read_migrations
from mm_wire.subjects import ARCHIVER, OPERATOR

DATABASE = "CREATE DATABASE IF NOT EXISTS crypto_mm"
INSERT = "INSERT INTO crypto_mm.archived SELECT * FROM crypto_mm.archived"
URL = "SELECT * FROM url('http://x', CSV)"
COUNT = "SELECT count() FROM crypto_mm.fills"
# Each statement in an engine of its own process, which prints the errors.
RUN = """
import json, sys, chdb
connection = chdb.connect(sys.argv[1])
found = []
for statement in json.load(sys.stdin):
    try:
        connection.query(statement)
        found.append("")
    except Exception as error:
        found.append(str(error))
print(json.dumps(found))
"""


def answers(folder: Path, user: str, statements: list[str]) -> list[str]:
    """What the engine answers to a user: nothing, or an error."""
    text = store_config(dict.fromkeys(STORE_USERS, "")).replace('<default remove="remove"/>', "")
    text = text.replace("<profiles>", "<profiles><default/>")
    text = text.replace(f"<{user}>", "<default>").replace(f"</{user}>", "</default>")  # as whom the engine itself runs
    text = text.replace("</clickhouse>", "<quotas><default/></quotas></clickhouse>")
    (folder / "users.xml").write_text(text)
    (folder / "config.xml").write_text(f"<clickhouse><users_config>{folder}/users.xml</users_config></clickhouse>")
    done = subprocess.run(
        [sys.executable, "-c", RUN, f"{folder}/db?config-file={folder}/config.xml"],
        input=json.dumps(statements),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    answers: list[str] = json.loads(done.stdout.splitlines()[-1])
    return answers


def refused(answers: list[str]) -> list[bool]:
    """Whether each was refused for lack of a right."""
    return ["ACCESS_DENIED" in answer or "READONLY" in answer or "SETTING_CONSTRAINT" in answer for answer in answers]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store whose schema the archiver's own rights made."""
    folder = tmp_path_factory.mktemp("store")
    schema = [statement for migration in read_migrations(FOLDER) for statement in migration.statements]
    twice = [DATABASE, "USE crypto_mm", *schema, *schema]  # the second time views are replaced
    assert answers(folder, ARCHIVER, twice) == [""] * len(twice)
    return folder


def test_the_archiver_inserts_and_can_destroy_nothing(store: Path) -> None:
    assert answers(store, ARCHIVER, [INSERT, COUNT]) == ["", ""]
    harm = ["DROP TABLE crypto_mm.fills", "TRUNCATE TABLE crypto_mm.fills", "CREATE DATABASE other", "CREATE USER x"]
    harm += [
        "ALTER TABLE crypto_mm.fills DELETE WHERE 1",
        "DROP DATABASE crypto_mm",
        URL,
    ]
    assert refused(answers(store, ARCHIVER, harm)) == [True] * len(harm)


def test_the_reader_reads_within_bounds_and_changes_nothing(store: Path) -> None:
    assert (
        answers(store, "reader", [COUNT, "SELECT * FROM crypto_mm.v_fills", "SET max_execution_time = 60"]) == [""] * 3
    )
    harm = [INSERT, "DROP TABLE crypto_mm.fills", "CREATE TABLE crypto_mm.x (a Int8) ENGINE = Memory"]
    harm += [
        "SELECT * FROM file('/etc/passwd', LineAsString)",
        URL,
        "SET readonly = 0",
    ]
    harm += ["SET max_memory_usage = 0", "SET max_execution_time = 600", "SELECT * FROM system.users"]
    assert refused(answers(store, "reader", harm)) == [True] * len(harm)


def test_the_operator_does_what_he_likes_with_our_database_only(store: Path) -> None:
    assert answers(store, OPERATOR, ["TRUNCATE TABLE crypto_mm.ticks", "OPTIMIZE TABLE crypto_mm.fills"]) == ["", ""]
    assert refused(answers(store, OPERATOR, ["CREATE DATABASE other", URL])) == [
        True,
        True,
    ]
