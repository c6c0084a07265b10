"""The log in ClickHouse: what was stored reads back as it was, and what is not as it was is named."""

from collections.abc import Callable

import pytest
from clickhouse_connect.driver.client import Client
from tests.unit.store_clickhouse.samples import log

from mm_core.types import IntegrityError
from mm_store.clickhouse import log_table
from mm_store.clickhouse.archive import Archive
from mm_store.clickhouse.log_table import name_at, read_records, stored_ends
from mm_store.clickhouse.schema import keep_rows
from mm_store.clickhouse.tables import LOG_TABLE, TABLES
from mm_wire.chain import FIRST, Record, name_of
from mm_wire.codec import encode

AGES = """
SELECT name, extract(engine_full, 'TTL (.+?) SETTINGS') FROM system.tables WHERE database = currentDatabase()
"""
Change = Callable[[list[Record]], list[Record]]


def records(count: int) -> list[Record]:
    """Every type of event again and again, behind a fence."""
    made, before = [], FIRST
    for seq, event in log(count):
        label, data = ("", b"writer \xff") if seq % 50 == 1 else (f"recorder:{seq}:0 {seq} w", encode(event))
        made.append(Record(seq, label, name_of(before, label, data), data))
        before = made[-1].name
    return made


def stored(store: Client, session: str, made: list[Record], each: int = 70) -> None:
    """Archive them by two processes, the first of which dies with a batch that is not flushed."""
    archive = Archive(store, session)
    for record in made[: len(made) // 2]:
        archive.take(record)
        if record.seq % each == 0:
            archive.flush()
    again = Archive(store, session)
    for record in made[again.next_seq - 1 :]:
        again.take(record)
    again.flush()


def test_a_log_reads_back_from_anywhere(store: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_table, "BLOCK_ROWS", 64)
    made = records(300)
    stored(store, "back", made)
    assert stored_ends(store, "back") == (1, 300)
    assert stored_ends(store, "nobody") == (0, 0)
    assert list(read_records(store, "back")) == made
    assert list(read_records(store, "back", 123)) == made[122:]
    assert list(read_records(store, "back", 301)) == []
    assert (name_at(store, "back", 300), name_at(store, "back", 301)) == (made[-1].name, "")


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        (lambda made: made[:200] + made[202:], "201 is missing, 203 is the next one"),
        (lambda made: made[:100] + made[240:], "101 is missing, 241 is the next one"),
        (lambda made: [*made[:200], made[200]._replace(data=b"other"), *made[201:]], "damaged at 201"),
    ],
)
def test_what_is_missing_or_damaged_is_named(
    store: Client,
    monkeypatch: pytest.MonkeyPatch,
    wrong: Change,
    expected: str,
) -> None:
    monkeypatch.setattr(log_table, "BLOCK_ROWS", 16)
    made = wrong(records(300))
    archive = Archive(store, expected)
    for record in made:
        archive._log.take(record.seq, record)
        archive._last_seq = record.seq
    archive.flush()
    with pytest.raises(IntegrityError, match=expected):
        list(read_records(store, expected))


def test_rows_are_deleted_by_the_age_of_their_event_or_never(store: Client) -> None:
    def ttls() -> dict[str, str]:
        return {name: age for name, age in store.query(AGES).result_rows if name in {*TABLES, LOG_TABLE}}

    keep_rows(store, 0)
    assert set(ttls().values()) == {""}
    stored(store, "aged", records(100))
    keep_rows(store, 3)
    assert ttls() == dict.fromkeys(TABLES, "toDateTime(local_ns) + toIntervalDay(3)") | {
        LOG_TABLE: "stored_at + toIntervalDay(3)"
    }
    for table in ("trades", LOG_TABLE):
        store.command(f"OPTIMIZE TABLE {table} FINAL")
    counts = (
        "SELECT (SELECT count() FROM trades WHERE session = 'aged'), (SELECT count() FROM log WHERE session = 'aged')"
    )
    assert store.query(counts).result_rows == [(0, 100)]  # events of 2024, stored now
    keep_rows(store, 0)
    assert set(ttls().values()) == {""}
