"""The tables of a session, CSV and Parquet, written segment by segment: nothing of them but the last rows is in memory.

Files appear when all of them are complete; until then they end in `.part`.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mm_core.setup.units import units_of
from mm_research import tables
from mm_research.arrow import write_csv
from mm_research.kpi_spread import KpiSpread
from mm_research.measures import Measures
from mm_research.recording import Recording
from mm_store.atomic import unwritable

PART = ".part"
GROUP_ROWS = 1 << 16  # of a row group in Parquet
_MAKE: dict[str, Callable[[Recording], pa.Table]] = {
    "orders": tables.orders,
    "fills": tables.fills,
    "state": tables.state,
    "pnl": tables.pnl,
}
TABLES = ("quotes", *_MAKE, "kpi_spread")


class TableWriter:
    """Takes the segments of a run, with the measures of fills that each has made known; `close` behind the last one.

    InputError if the folder cannot be written, UnavailableError for a full disk.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._quotes, self._kpi = tables.Quotes(), KpiSpread()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._files = {name: _TableFile(folder / name) for name in TABLES}
        except OSError as error:
            raise unwritable(self._folder, error) from error

    def take(self, segment: Recording, known: Measures) -> None:
        """Write the rows that a segment makes known."""
        self._kpi.take(segment, known)
        made = {"quotes": self._quotes.take(segment)} | {name: make(segment) for name, make in _MAKE.items()}
        if segment.is_last:
            made["kpi_spread"] = self._kpi.table(units_of(segment.instrument))
        try:
            for name, table in made.items():
                self._files[name].write(table)
        except OSError as error:
            raise unwritable(self._folder, error) from error

    def close(self) -> None:
        """Publish the files."""
        try:
            for file in self._files.values():
                file.close()
            for file in self._files.values():
                file.publish()
        except OSError as error:
            raise unwritable(self._folder, error) from error

    def discard(self) -> None:
        """Remove them: they can be made anew from the log."""
        for file in self._files.values():
            file.discard()


class _TableFile:
    """One table in both formats."""

    def __init__(self, path: Path) -> None:
        self._paths = [path.with_name(f"{path.name}.{kind}") for kind in ("csv", "parquet")]
        self._csv_part, self._parquet_part = (path.with_name(path.name + PART) for path in self._paths)
        self._csv = self._csv_part.open("wb")
        self._parquet: pq.ParquetWriter | None = None
        self._schema: pa.Schema = None
        self._rows: list[pa.Table] = []
        self._count = 0

    def write(self, table: pa.Table) -> None:
        if self._schema is None or table.num_rows:
            write_csv(table, self._csv, header=self._schema is None)
        self._schema = table.schema if self._schema is None else _wider(self._schema, table.schema)
        self._rows.append(table)
        self._count += table.num_rows
        if self._count >= GROUP_ROWS:
            self._write_group()

    def _write_group(self) -> None:
        if self._parquet is not None and self._parquet.schema != self._schema:
            self._widen()
        if self._parquet is None:
            self._parquet = pq.ParquetWriter(self._parquet_part, self._schema, compression="zstd")
        self._parquet.write_table(pa.concat_tables([table.cast(self._schema) for table in self._rows]))
        self._rows, self._count = [], 0

    def _widen(self) -> None:
        """Write what is there once more, with the wider decimals that a later row needs."""
        assert self._parquet is not None
        self._parquet.close()
        before = self._parquet_part.with_name(self._parquet_part.name + ".narrow")
        self._parquet_part.replace(before)
        self._parquet = pq.ParquetWriter(self._parquet_part, self._schema, compression="zstd")
        with pq.ParquetFile(before) as file:
            for group in range(file.num_row_groups):
                self._parquet.write_table(file.read_row_group(group).cast(self._schema))
        before.unlink()

    def close(self) -> None:
        if self._rows or self._parquet is None:
            self._write_group()
        assert self._parquet is not None
        self._parquet.close()
        self._csv.close()
        for part in (self._csv_part, self._parquet_part):
            with part.open("rb") as file:
                os.fsync(file.fileno())

    def publish(self) -> None:
        for part, path in zip((self._csv_part, self._parquet_part), self._paths, strict=True):
            part.replace(path)

    def discard(self) -> None:
        with suppress(OSError):
            self._csv.close()
        if self._parquet is not None and self._parquet.is_open:
            with suppress(OSError):
                self._parquet.close()
        for part in (self._csv_part, self._parquet_part):
            part.unlink(missing_ok=True)


def _wider(one: pa.Schema, other: pa.Schema) -> pa.Schema:
    """The schema that holds rows of both: of two decimals the one with more digits."""
    return pa.schema([pa.field(name, _wider_type(one.field(name).type, other.field(name).type)) for name in one.names])


def _wider_type(one: Any, other: Any) -> Any:
    return other if pa.types.is_decimal(one) and other.precision > one.precision else one
