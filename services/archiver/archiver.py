"""The archiver: the log to its file and into ClickHouse, exactly once, and serves queries."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec
from clickhouse_connect.driver.client import Client

from mm_bus.log_copies import check_copy
from mm_bus.log_poller import LogPoller
from mm_core.types import InputError
from mm_service.ending import end_tasks
from mm_service.retrying import Retry
from mm_service.service import Service
from mm_service.store_login import open_as
from mm_services.archiver.file_log import FileLog
from mm_store.clickhouse.archive import Archive
from mm_store.clickhouse.errors import StoreUnavailable
from mm_store.clickhouse.log_table import name_at
from mm_store.clickhouse.query import read_only
from mm_store.clickhouse.schema import apply_schema, keep_rows
from mm_store.clickhouse.sizes import Sizes
from mm_store.clickhouse.store import open_reader, open_store
from mm_store.log_read import End
from mm_wire.chain import FIRST, Record
from mm_wire.subjects import sql_subject

log = logging.getLogger(__name__)

IDLE_S = 0.3  # a log that is silent for so long is stored at once
SIZES_S = 15.0
# Events that may wait for an unreachable store before the reading of the log waits too.
WAITING_EVENTS_MAX = 500_000


class Query(msgspec.Struct, frozen=True):
    """A statement that reads, and the format of its result."""

    sql: str
    format: str


class Archiver:
    """Reads a log and stores it, in its file first; what cannot be stored now is tried again."""

    def __init__(self, service: Service) -> None:
        self.stored_seq = 0
        self.batches = 0
        self.counts: dict[str, int] = {}
        self.counted_seq = 0  # the end of the log that `counts` are of
        self.sizes = Sizes()
        self._sized_s = 0.0  # when they were queried
        self._service = service
        self._options = service.settings.store
        self.file_log = FileLog(Path(self._options.log)) if self._options.log else None
        self._retry = Retry(StoreUnavailable)
        self._archive: Archive | None = None
        self._client: Client  # of the store that is open
        self._expected_seq = 0  # the next record for the store; 0: none, until it has taken what waits
        self._waiting: list[Record] = []
        self._read_s = 0.0  # when the first of them was read
        self._storing_s = 0.0  # when the first of those was read that are being stored; 0 for none
        self._full = asyncio.Event()
        self._room = asyncio.Event()
        self._work: list[asyncio.Task[None]] = []
        self._thread: asyncio.Future[Any] | None = None  # of the store's client
        self._reader: LogPoller | None = None
        self._lock = asyncio.Lock()  # of the store's clients, which serve one thread at a time
        self._sql: Any = None

    @property
    def is_failing(self) -> bool:
        """True while the store or the disk takes nothing."""
        return self._retry.is_failing or (self.file_log is not None and self.file_log.is_failing)

    def begin(self) -> None:
        """Open file and store, and read the log from where they end, beside the service."""
        self._work.append(self._service.bus.begin(self._run()))

    async def stop(self) -> None:
        """Read no more, and store what was read, if file and store take it now."""
        if self._reader is not None:
            await self._reader.stop()
        await end_tasks(self._work)
        if self.file_log is not None:
            self.file_log.close()
        if self._thread is not None:
            await asyncio.wait([self._thread])
        if self._archive is not None:
            try:
                await asyncio.to_thread(self._store, self._archive, self._take_batch())
            except StoreUnavailable as error:
                log.warning("%s: the next start stores the rest", error)

    def status(self) -> dict[str, Any]:
        """How far file and store are."""
        end = self.file_log.synced if self.file_log is not None else End()
        return {
            "session": self._options.session,
            "file_seq": end.next_seq - 1,
            "file_name": end.last_name,
            "stored_seq": self.stored_seq,
            "waiting": len(self._waiting),
            "batches": self.batches,
            "failures": self._retry.failures,
            "is_failing": self.is_failing,
            "counts": self.counts,
            "counted_seq": self.counted_seq,
        }

    def failures(self) -> int:
        """Tries that the store did not take."""
        return self._retry.failures

    def file_failures(self) -> int:
        """Tries that the disk did not take."""
        return self.file_log.failures if self.file_log is not None else 0

    def lag_events(self) -> int:
        """How many events of the log are not in the store."""
        if self._reader is None or self._archive is None:
            return 0
        return self._reader.next_seq - 1 - self.stored_seq + self._reader.pending

    def lag_s(self) -> float:
        """How long ago the oldest event was read that is not in the store."""
        since_s = self._storing_s or (self._read_s if self._waiting else 0.0)
        return monotonic() - since_s if since_s else 0.0

    async def sql(self, query: Query) -> dict[str, str]:
        """Run a reading statement; `error` holds what is wrong with it."""
        try:
            async with self._lock:
                if self._sql is None:
                    self._sql = await asyncio.to_thread(open_as, self._options, open_reader)
                result = await asyncio.to_thread(read_only, self._sql, query.sql, query.format)
        except (InputError, StoreUnavailable) as error:
            return {"error": str(error)}
        return {"answer": result.decode(errors="replace")}

    async def _run(self) -> None:
        service, file_log = self._service, self.file_log
        if file_log is not None:
            await file_log.open()
            await check_copy(service.bus, service.group, file_log.next_seq, file_log.last_name)
            await self._read_from(file_log.next_seq, file_log.last_name)
            self._work.append(service.bus.begin(file_log.run()))
        archive = await self._open_store()
        await service.bus.answer(sql_subject(service.group), self.sql, Query)
        while True:
            if not self._expected_seq and not self._waiting:  # the store takes again
                self._expected_seq = archive.read_seq
                await self._read_from(archive.read_seq)
            await self._measure()
            await self._next_batch()
            batch = self._take_batch()
            async with self._lock:
                await self._until_stored(lambda batch=batch: self._store(archive, batch))  # type: ignore[misc]
            if not self._waiting:
                async with self._lock:
                    self.counts = await self._until_stored(archive.counts)
                self.counted_seq = self.stored_seq

    async def _open_store(self) -> Archive:
        options, service = self._options, self._service
        client = self._client = await self._until_stored(lambda: open_as(options, open_store))
        await self._until_stored(lambda: apply_schema(client))
        await self._until_stored(lambda: keep_rows(client, options.keep_days))
        archive: Archive = await self._until_stored(lambda: Archive(client, options.session))
        self.stored_seq = archive.next_seq - 1
        name = await self._until_stored(lambda: name_at(client, options.session, self.stored_seq))
        await check_copy(service.bus, service.group, archive.next_seq, name)
        log.info("storing the log from %d", archive.next_seq)
        self._archive = archive
        return archive

    async def _read_from(self, next_seq: int, name: str = FIRST) -> None:
        """Read the log from a place on; a store that has a record already skips it."""
        service = self._service
        if self._reader is None:
            self._reader = LogPoller(service.bus, service.group, self._take, next_seq, name)
            await self._reader.start()
        elif next_seq < self._reader.next_seq:
            self._reader.read_from(next_seq, name)

    async def _take(self, record: Record) -> None:
        file_log = self.file_log
        if file_log is not None and record.seq == file_log.next_seq:
            await file_log.take(record)
        if record.seq != self._expected_seq:
            return
        if not self._waiting:
            self._read_s = monotonic()
        self._expected_seq += 1
        self._waiting.append(record)
        if len(self._waiting) >= self._options.batch_events:
            self._full.set()
        if len(self._waiting) < WAITING_EVENTS_MAX:
            return
        if file_log is not None:  # which must not wait for the store: the rest is read again when it takes what waits
            self._expected_seq = 0
            return
        while len(self._waiting) >= WAITING_EVENTS_MAX:
            self._room.clear()
            await self._room.wait()

    async def _next_batch(self) -> None:
        """Wait until a batch is full or old, or nothing more comes."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + self._options.batch_ms / 1000
        while loop.time() < until_s and not self._full.is_set():
            before = len(self._waiting)
            with suppress(TimeoutError):
                async with asyncio.timeout(IDLE_S):
                    await self._full.wait()
            if before and len(self._waiting) == before:
                return

    async def _measure(self) -> None:
        """Query now and then how large the store is."""
        if self.sizes.is_known and monotonic() - self._sized_s < SIZES_S:
            return
        async with self._lock:
            await self._until_stored(lambda: self.sizes.ask(self._client))
        self._sized_s = monotonic()

    def _take_batch(self) -> list[Record]:
        batch, self._waiting = self._waiting, []
        self._storing_s = self._read_s if batch else 0.0
        self._full.clear()
        self._room.set()
        return batch

    def _store(self, archive: Archive, batch: list[Record]) -> None:
        """In a thread: the loop goes on reading. A second try finds its batch in the archive already."""
        for record in batch:
            archive.take(record)
        batch.clear()
        if archive.is_due:
            archive.flush()
            self.batches += 1
        self.stored_seq = archive.next_seq - 1
        self._storing_s = 0.0

    async def _until_stored(self, work: Callable[[], Any]) -> Any:
        """Do the work in a thread, again and again while the store cannot be reached."""

        async def in_thread() -> Any:
            self._thread = asyncio.ensure_future(asyncio.to_thread(work))
            return await asyncio.shield(self._thread)

        return await self._retry.until_done(in_thread)
