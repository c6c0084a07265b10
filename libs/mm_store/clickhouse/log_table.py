"""The log read back from ClickHouse: its messages as they were, checked as those of a file are."""

from base64 import b64decode
from collections.abc import Iterator

from clickhouse_connect.driver.client import Client

from mm_core.types import IntegrityError
from mm_store.clickhouse.errors import reaching
from mm_wire.chain import FIRST, Record, name_of

BLOCK_ROWS = 10_000
_SELECT = """
SELECT seq, label, name, base64Encode(data) AS data FROM log
WHERE session = {session:String} AND seq >= {from_seq:UInt64} AND seq < {until_seq:UInt64} ORDER BY seq
"""
_NAME = "SELECT name FROM log WHERE session = {session:String} AND seq = {seq:UInt64}"
_ENDS = "SELECT min(seq), max(seq) FROM log WHERE session = {session:String}"


def stored_ends(client: Client, session: str) -> tuple[int, int]:
    """The first and the last sequence of a session's log in the store; (0, 0) without any."""
    with reaching("log"):
        first, last = client.query(_ENDS, {"session": session}).result_rows[0]
    return int(first), int(last)


def name_at(client: Client, session: str, seq: int) -> str:
    """The name of one record of a session's log in the store; "" if it is not there."""
    where = {"session": session, "seq": seq}
    with reaching("log"):
        rows = client.query(_NAME, where).result_rows
    return str(rows[0][0]) if rows else ""


def read_records(client: Client, session: str, from_seq: int = 1) -> Iterator[Record]:
    """The records of a session's log from a sequence on, some thousand in memory at a time.

    IntegrityError names the first sequence that is missing, or is not what was written.
    """
    _, last = stored_ends(client, session)
    seq, before = from_seq, FIRST if from_seq == 1 else None
    while seq <= last:
        for record in _block(client, session, seq):
            if record.seq != seq:
                raise IntegrityError(f"table log, session {session}: {seq} is missing, {record.seq} is the next one")
            if before is not None and record.name != name_of(before, record.label, record.data):
                raise IntegrityError(f"table log, session {session}: damaged at {seq}")
            seq, before = seq + 1, record.name
            yield record


def _block(client: Client, session: str, from_seq: int) -> list[Record]:
    """The next records; more than none, since there is a later one."""
    until_seq = from_seq + BLOCK_ROWS
    with reaching("log"):
        while True:
            values = {"session": session, "from_seq": from_seq, "until_seq": until_seq}
            rows = client.query(_SELECT, values).result_rows
            if rows:
                return [Record(int(seq), label, name, b64decode(data)) for seq, label, name, data in rows]
            until_seq += until_seq - from_seq  # a hole
