"""The file log beside a running reader: a disk that takes nothing is waited for, and nothing is skipped."""

import asyncio
import resource
import signal
from pathlib import Path

import pytest

from mm_service import retrying
from mm_services.archiver.file_log import FileLog
from mm_store.log_file import FLUSH_BYTES
from mm_store.log_read import log_files, read_records
from mm_wire.chain import FIRST, Record, name_of


def records(count: int) -> list[Record]:
    """Records of 1 KiB that do not compress to nothing."""
    made, before = [], FIRST
    for seq in range(1, count + 1):
        data = bytes((seq * at * at) % 251 for at in range(1_024))
        made.append(Record(seq, f"recorder:{seq}:0 {seq} w", name_of(before, f"recorder:{seq}:0 {seq} w", data), data))
        before = made[-1].name
    return made


def test_a_full_disk_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "RETRY_S", 0.01)
    monkeypatch.setattr(retrying, "RETRY_S_MAX", 0.02)
    log = records(3 * FLUSH_BYTES // 1_024)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    async def run() -> None:
        file_log = FileLog(tmp_path)
        await file_log.open()
        for record in log[:10]:
            await file_log.take(record)
        await file_log.sync()
        assert (file_log.synced.next_seq, file_log.synced.last_name) == (11, log[9].name)
        resource.setrlimit(resource.RLIMIT_FSIZE, (log_files(tmp_path)[0].stat().st_size + 10, limits[1]))

        async def rest() -> None:
            for record in log[10:]:
                await file_log.take(record)

        taking = asyncio.create_task(rest())
        while file_log.failures < 3:  # noqa: ASYNC110 it notifies nobody
            await asyncio.sleep(0.001)
        assert file_log.is_failing
        assert not taking.done()
        assert file_log.synced.next_seq == 11
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        await taking
        assert not file_log.is_failing
        await file_log.sync()
        assert file_log.synced.last_name == log[-1].name
        file_log.close()

    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        asyncio.run(run())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert list(read_records(tmp_path)) == log
