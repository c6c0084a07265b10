"""The log into ClickHouse, exactly once: whenever a process dies, the next one ends with the same rows.

Each insert is one block of one table, complete or not there, in the order of the log. So a table holds all rows of a
session up to its highest `seq`, and rows at or below it are skipped when the log is read again. `archived` is written
behind the tables of a batch and has the place from which to read. A repeated insert (the library repeats one whose
connection broke) carries the token of the first, by which ClickHouse knows it.
"""

import uuid
from collections import deque
from typing import Any

import msgspec
import pyarrow as pa
from clickhouse_connect.driver.client import Client

from mm_core import events as e
from mm_store.clickhouse.errors import reaching
from mm_store.clickhouse.tables import LOG_TABLE, TABLES, LogTable, Table, new_table
from mm_wire.chain import Record
from mm_wire.codec import decode

PROGRESS = "archived"
BLOCK_ROWS_MAX = 250_000  # ClickHouse puts an insert of up to 1,048,449 rows in one block
COUNTS = {
    "deltas": "SELECT count() FROM book_deltas",
    "trades": "SELECT count() FROM trades",
    "book_tops": "SELECT count() FROM book_tops",
    "ticks": "SELECT count() FROM ticks",
    "books": "SELECT count() FROM books",
    "intents": "SELECT countIf(event = 'OrderIntent') FROM intents",
    "orders": "SELECT countIf(event = 'SubmitOrder') FROM orders",
    "fills": "SELECT count() FROM fills",
    "positions": "SELECT count() FROM positions",
}


class Rows(msgspec.Struct, kw_only=True):
    """What is collected for one table; its rows at or below `stored_seq` are in ClickHouse already."""

    table: Table | LogTable
    stored_seq: int
    seqs: list[int]
    events: list[Any]  # or, of the log itself, records

    def take(self, seq: int, event: Any) -> None:
        """Take what stands at a place of the log, unless it is stored."""
        if seq > self.stored_seq:
            self.seqs.append(seq)
            self.events.append(event)


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """One insert: the table, the token that makes a repetition harmless, the rows, and the log's place behind them."""

    table: str
    token: str
    batch: pa.RecordBatch
    seq: int


class Archive:
    """Stores the events of one session's log. One process at a time may archive a session."""

    def __init__(self, client: Client, session: str) -> None:
        self._client = client
        self._session = session
        stored = self._stored()
        self._done_seq = stored[PROGRESS]
        self._last_seq = self._done_seq
        tables = {name: Rows(table=new_table(name), stored_seq=stored[name], seqs=[], events=[]) for name in TABLES}
        self._log = Rows(table=LogTable(), stored_seq=stored[LOG_TABLE], seqs=[], events=[])
        self._rows = [*tables.values(), self._log]
        self._of = {kind: tables[name] for name, kinds in TABLES.items() for kind in kinds}
        self._blocks: deque[Block] = deque()  # built and not confirmed
        self._token = uuid.uuid4().hex  # of this process: a session whose rows were deleted can be archived again
        self._block_count = 0

    @property
    def next_seq(self) -> int:
        """The first place of the log that is not known to be stored: from here the log has to be added."""
        return self._done_seq + 1

    @property
    def read_seq(self) -> int:
        """The place of the log that is to be added next."""
        return self._last_seq + 1

    @property
    def pending(self) -> int:
        """Rows, but those of the log itself, that wait for `flush`, or for the store to be available again."""
        unsent: int = sum(block.batch.num_rows for block in self._blocks if block.table not in {PROGRESS, LOG_TABLE})
        return unsent + sum(len(rows.seqs) for rows in self._rows if rows is not self._log)

    @property
    def is_due(self) -> bool:
        """Whether there is anything to write."""
        return bool(self._blocks) or self._last_seq > self._done_seq

    def take(self, record: Record) -> None:
        """Take the next record of the log: the event that it is, and itself."""
        if record.is_fence:
            self._pass(record.seq)
        else:
            self.add(record.seq, decode(record.data))
        self._log.take(record.seq, record)

    def add(self, seq: int, event: e.AnyEvent) -> None:
        """Take the event at place `seq` of the log; places must come in order, from `next_seq` or before."""
        self._pass(seq)
        self._of[type(event)].take(seq, event)

    def _pass(self, seq: int) -> None:
        assert seq > self._last_seq, f"place {seq} of the log after {self._last_seq}"
        self._last_seq = seq

    def flush(self) -> None:
        """Write what was added. At StoreUnavailable what is not written stays pending for the next flush."""
        self._build()
        while self._blocks:
            block = self._blocks[0]
            self._insert(block)
            self._blocks.popleft()
            if block.table == PROGRESS:
                self._done_seq = block.seq

    def counts(self) -> dict[str, int]:
        """Rows of this session in the tables, read from them; `orders` are those that risk let through."""
        where = " WHERE session = {session:String}"
        columns = ", ".join(f"({select}{where}) AS {name}" for name, select in COUNTS.items())
        with reaching("counts"):
            row = next(self._client.query(f"SELECT {columns}", {"session": self._session}).named_results())
        return {name: int(count) for name, count in row.items()}

    def _stored(self) -> dict[str, int]:
        select = "(SELECT max(seq) FROM {0} WHERE session = {{session:String}}) AS {0}"
        columns = ", ".join(select.format(name) for name in (*TABLES, LOG_TABLE, PROGRESS))
        with reaching("archive"):
            row = next(self._client.query(f"SELECT {columns}", {"session": self._session}).named_results())
        return {name: int(seq or 0) for name, seq in row.items()}

    def _build(self) -> None:
        """Turn what was added into blocks: the tables', then the progress behind them."""
        if self._last_seq <= max((block.seq for block in self._blocks), default=self._done_seq):
            return
        for rows in self._rows:
            for first in range(0, len(rows.seqs), BLOCK_ROWS_MAX):
                part = slice(first, first + BLOCK_ROWS_MAX)
                self._append(rows.table.name, rows.table.rows(self._session, rows.seqs[part], rows.events[part]))
            rows.seqs, rows.events = [], []
        progress = {"session": pa.array([self._session]), "seq": pa.array([self._last_seq], pa.uint64())}
        self._append(PROGRESS, pa.record_batch(progress))

    def _append(self, table: str, batch: pa.RecordBatch) -> None:
        self._block_count += 1
        token = f"{self._token}:{self._block_count}"
        self._blocks.append(Block(table=table, token=token, batch=batch, seq=self._last_seq))

    def _insert(self, block: Block) -> None:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, block.batch.schema) as stream:
            stream.write_batch(block.batch)
        with reaching(block.table):
            self._client.raw_insert(
                block.table,
                block.batch.schema.names,
                sink.getvalue().to_pybytes(),
                settings={"insert_deduplication_token": block.token},
                fmt="ArrowStream",
            )
