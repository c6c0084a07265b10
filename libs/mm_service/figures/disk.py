"""Bytes and free space on disk: of each folder that a service writes, and of ClickHouse."""

import os
import shutil
from contextlib import suppress
from functools import partial
from pathlib import Path

from mm_service.metrics import Metrics
from mm_store.clickhouse.sizes import Sizes

FREE = "Room on the disk of a store"
BYTES = "Bytes of a store on its disk"
FRAMES, LOG, CLICKHOUSE = "frames", "log", "clickhouse"


def add_folder(metrics: Metrics, store: str, folder: Path, pattern: str = "*") -> None:
    """The files of a folder that fit a pattern, and its disk. It may be missing: then it is empty."""
    metrics.gauge("store_bytes", BYTES, partial(_bytes, folder, pattern), store=store)
    metrics.gauge("disk_free_bytes", FREE, partial(_free, folder), store=store)


def add_clickhouse(metrics: Metrics, sizes: Sizes) -> None:
    """ClickHouse's tables and disk, embedded or not, as it reported last; nothing before it has."""

    def add() -> None:
        metrics.gauge("store_bytes", BYTES, lambda: sizes.bytes, store=CLICKHOUSE)
        metrics.gauge("disk_free_bytes", FREE, lambda: sizes.free_bytes, store=CLICKHOUSE)

    metrics.when(lambda: sizes.is_known, add)


def _bytes(folder: Path, pattern: str) -> float:
    size = 0
    for path in folder.glob(pattern):
        with suppress(OSError):  # it was there a moment ago
            size += path.stat().st_size
    return float(size)


def _free(folder: Path) -> float:
    """Of the disk where the folder is, or would be made."""
    there = next(path for path in (folder, *folder.absolute().parents) if os.path.exists(path))  # noqa: PTH110
    return float(shutil.disk_usage(there).free)
