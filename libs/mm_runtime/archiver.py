"""The archiver: the log into ClickHouse, exactly once, and answers to what is asked of it."""

import asyncio
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

from mm_core.types import InputError
from mm_runtime.figures.archive import add_archive
from mm_runtime.figures.feed import add_free
from mm_runtime.log_poller import LogPoller
from mm_runtime.service import Service
from mm_runtime.settings import Store
from mm_store.clickhouse.archive import Archive
from mm_store.clickhouse.errors import StoreUnavailable
from mm_store.clickhouse.query import read_only
from mm_store.clickhouse.schema import apply_schema
from mm_store.clickhouse.store import open_reader, open_store
from mm_wire.chain import Record
from mm_wire.codec import decode
from mm_wire.subjects import sql_subject

log = logging.getLogger(__name__)

NICE = 10  # what decides goes first on a busy machine; the store may lag
IDLE_S = 0.3  # a log that is silent for so long is stored at once
RETRY_S = 0.5
RETRY_S_MAX = 10.0
# Events that may wait for an unreachable store before the reading of the log waits too.
WAITING_EVENTS_MAX = 500_000


class Archiver:
    """Reads a log and stores it; what cannot be stored now is tried again."""

    def __init__(self, service: Service) -> None:
        self.stored_seq = 0
        self.batches = 0
        self.failures = 0
        self.counts: dict[str, int] = {}
        self.counted_seq = 0  # the end of the log that `counts` are of
        self.is_failing = False
        self._service = service
        self._options = service.settings.store
        self._archive: Archive
        self._waiting: list[tuple[int, bytes]] = []
        self._read_s = 0.0  # when the first of them was read
        self._storing_s = 0.0  # when the first of those was read that are being stored; 0 for none
        self._full = asyncio.Event()
        self._room = asyncio.Event()
        self._work: asyncio.Task[None] | None = None
        self._reader: LogPoller
        self._lock = asyncio.Lock()  # of the store's clients, which serve one thread at a time
        self._sql: Any = None

    def begin(self) -> None:
        """Open the store and read the log from where the store ends, beside the service."""
        self._work = self._service.bus.begin(self._run())

    async def stop(self) -> None:
        """Read no more, and store what was read, if the store takes it now."""
        if self._work is not None:
            self._work.cancel()
        if self.stored_seq:
            await self._reader.stop()
            try:
                await asyncio.to_thread(self._store, self._take())
            except StoreUnavailable as error:
                log.warning("%s: the next start stores the rest", error)

    def status(self) -> dict[str, Any]:
        """How far the store is."""
        return {
            "stored_seq": self.stored_seq,
            "waiting": len(self._waiting),
            "batches": self.batches,
            "failures": self.failures,
            "is_failing": self.is_failing,
            "counts": self.counts,
            "counted_seq": self.counted_seq,
        }

    def lag_events(self) -> int:
        """How many events of the log are not in the store."""
        return self._reader.next_seq - 1 - self.stored_seq + self._reader.pending if self.stored_seq else 0

    def lag_s(self) -> float:
        """How long ago the oldest event was read that is not in the store."""
        since_s = self._storing_s or (self._read_s if self._waiting else 0.0)
        return monotonic() - since_s if since_s else 0.0

    async def sql(self, question: dict[str, str]) -> dict[str, str]:
        """Answer a reading statement; `error` holds what is wrong with it."""
        try:
            async with self._lock:
                if self._sql is None:
                    self._sql = await asyncio.to_thread(_open, self._options, open_reader)
                answer = await asyncio.to_thread(read_only, self._sql, question["sql"], question["format"])
        except (InputError, StoreUnavailable) as error:
            return {"error": str(error)}
        return {"answer": answer.decode(errors="replace")}

    async def _run(self) -> None:
        client = await self._until_stored(lambda: _open(self._options, open_store))
        await self._until_stored(lambda: apply_schema(client))
        self._archive = await self._until_stored(lambda: Archive(client, self._options.session))
        service, first_seq = self._service, self._archive.next_seq
        self.stored_seq = first_seq - 1
        self._reader = LogPoller(service.bus, service.group, self._hear, first_seq)
        await self._reader.start()
        await service.bus.answer(sql_subject(service.group), self.sql)
        log.info("storing the log from %d", first_seq)
        while True:
            await self._next_batch()
            batch = self._take()
            async with self._lock:
                await self._until_stored(lambda batch=batch: self._store(batch))  # type: ignore[misc]
            if not self._waiting:
                async with self._lock:
                    self.counts = await self._until_stored(self._archive.counts)
                self.counted_seq = self.stored_seq

    async def _hear(self, record: Record) -> None:
        if record.is_fence:
            return
        if not self._waiting:
            self._read_s = monotonic()
        self._waiting.append((record.seq, record.data))
        if len(self._waiting) >= self._options.batch_events:
            self._full.set()
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

    def _take(self) -> list[tuple[int, bytes]]:
        batch, self._waiting = self._waiting, []
        self._storing_s = self._read_s if batch else 0.0
        self._full.clear()
        self._room.set()
        return batch

    def _store(self, batch: list[tuple[int, bytes]]) -> None:
        """In a thread: the loop goes on reading. A second try finds its batch in the archive already."""
        for seq, data in batch:
            self._archive.add(seq, decode(data))
        batch.clear()
        if self._archive.pending:
            self._archive.flush()
            self.batches += 1
        self.stored_seq = self._archive.next_seq - 1
        self._storing_s = 0.0

    async def _until_stored(self, work: Callable[[], Any]) -> Any:
        """Do the work in a thread, again and again while the store cannot be reached."""
        wait_s = RETRY_S
        while True:
            try:
                done = await asyncio.to_thread(work)
            except StoreUnavailable as error:
                self.failures += 1
                self.is_failing = True
                log.warning("%s: again in %.1f s", error, wait_s)
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, RETRY_S_MAX)
            else:
                self.is_failing = False
                return done


def _open(options: Store, open_client: Callable[..., Any]) -> Any:
    password = ""
    if options.password_file:
        try:
            password = Path(options.password_file).read_text().strip()
        except OSError as error:
            raise InputError(f"[store] password_file {options.password_file}: {error.strerror}") from error
    path = Path(options.path) if options.path else None
    return open_client(path, options.url, user=options.user, password=password, database=options.database)


async def start(service: Service) -> None:
    """Begin to store the log."""
    logging.getLogger("clickhouse_connect").setLevel(logging.CRITICAL)  # what fails is told once, by us
    if service.settings.store.path:  # an insert that is killed leaves its temporary file
        os.environ["TMPDIR"] = os.path.dirname(service.settings.store.path)  # noqa: PTH120
    os.nice(NICE)
    archiver = Archiver(service)
    service.status = archiver.status
    add_archive(service.metrics, archiver)
    if service.settings.store.path:
        add_free(service.metrics, Path(service.settings.store.path))
    service.on_stop(archiver.stop)
    archiver.begin()
