"""Writes the log as it is read to `log/` of a folder: each second to the disk, whatever the disk does meanwhile."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from mm_core.types import UnavailableError
from mm_service.retrying import Retry
from mm_store.log_file import LogWriter
from mm_store.log_read import End
from mm_wire.chain import Record

log = logging.getLogger(__name__)

SYNC_S = 1.0


class FileLog:
    """The file log of one group. A disk that takes nothing is tried again, and the reader of the log waits for it.

    IntegrityError for a log that is damaged, deleted or replaced: nothing more is write_once.
    """

    def __init__(self, folder: Path) -> None:
        self._retry = Retry(UnavailableError)
        self._folder = folder
        self._writer: LogWriter
        self._is_open = False
        self._lock = asyncio.Lock()

    @property
    def failures(self) -> int:
        """Tries that the disk did not take."""
        return self._retry.failures

    @property
    def is_failing(self) -> bool:
        """True while the disk takes nothing."""
        return self._retry.is_failing

    @property
    def next_seq(self) -> int:
        """The sequence of the next record to take."""
        return self._writer.next_seq

    @property
    def last_name(self) -> str:
        """The name of the record before that."""
        return self._writer.last_name

    @property
    def synced(self) -> End:
        """The end of what is on the disk for sure."""
        return self._writer.synced if self._is_open else End()

    async def open(self) -> None:
        """Open the log behind what is there."""

        def open_writer() -> None:
            self._writer = LogWriter(self._folder)

        await self._until_written(open_writer)
        self._is_open = True

    async def take(self, record: Record) -> None:
        """Take the next record; waits while the disk takes nothing."""
        self._writer.append(record)
        if self._writer.is_due:
            async with self._lock:
                await self._until_written(self._writer.flush)

    async def run(self) -> None:
        """Let the disk have what has come, each second."""
        while True:
            await asyncio.sleep(SYNC_S)
            await self.sync()

    async def sync(self) -> None:
        """Let the disk have what has come."""
        async with self._lock:
            await self._until_written(self._writer.flush)
            await asyncio.to_thread(self._writer.sync)

    def close(self) -> None:
        """Write and sync what has come, if the disk takes it now."""
        if not self._is_open:
            return
        self._is_open = False
        try:
            self._writer.close()
        except UnavailableError as error:
            log.warning("%s: the next start writes the rest, from the bus", error)

    async def _until_written(self, write: Callable[[], None]) -> None:
        async def write_once() -> None:
            write()

        await self._retry.until_done(write_once)
