"""Tapes on disk: Parquet files of the columns that `tape_rows` describes.

A session that lasts over midnight has one file per UTC day. A later one begins with the book and the feed's state of
the day before, so that it can be read alone; where it follows its day before, those rows are left out.
"""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from mm_core.events import InstrumentDefined
from mm_core.types import InputError
from mm_store.atomic import replacing
from mm_store.opening import follows
from mm_store.tape_rows import COLUMNS, Kind, Tape, TapeBuilder, events, joined

__all__ = ["COLUMNS", "Kind", "Tape", "TapeBuilder", "events", "read_tape", "write_tape"]

FORMAT = "crypto-mm tape 1"
# The definition without the times, which belong to a session; a tape written before a field was there has its default.
_INSTRUMENT_FIELDS = tuple(
    name for name in InstrumentDefined.__struct_fields__ if name not in ("ts_ns", "recv_ns", "local_ns", "root_seq")
)


def write_tape(path: Path, tape: Tape, opening_rows: int = 0) -> None:
    """Write a tape as Parquet (zstd) to a path that appears only when the file is complete.

    The metadata of the schema: `format`, the fields of the instrument, `counts`, the events by kind as JSON, and
    `opening_rows`, how many rows at the beginning only repeat where the tape before it ended.
    """
    texts = {name: str(getattr(tape.instrument, name)) for name in _INSTRUMENT_FIELDS}
    counts = msgspec.json.encode(tape.part(slice(opening_rows, None)).counts()).decode()
    texts |= {"format": FORMAT, "counts": counts, "opening_rows": str(opening_rows)}
    table = pa.table({name: getattr(tape, name) for name in COLUMNS}).replace_schema_metadata(texts)
    with replacing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def read_tape(paths: Sequence[Path]) -> Tape:
    """The tape of one session from its files (its days), in the order given.

    The opening of a file is left out where the file in front of it ends with just that; behind a hole it stays.
    InputError if a file is no tape, or of another instrument or tick or lot size than the first.
    """
    files = [_read_file(path) for path in paths]
    parts = [file.tape for file in files]
    first = parts[0].instrument
    for path, part in zip(paths, parts, strict=True):
        other = msgspec.structs.replace(part.instrument, ts_ns=first.ts_ns, recv_ns=first.recv_ns)
        if other != first:
            raise InputError(
                f"{path}: {other.instrument_id} with tick {other.tick_size} and lot {other.lot_size}; "
                f"expected {first.instrument_id} with {first.tick_size} and {first.lot_size}"
            )
    later = [_without_opening(before, after) for before, after in pairwise(files)]
    return joined([parts[0], *later])


class _File(NamedTuple):
    tape: Tape
    opening_rows: int


def _without_opening(before: _File, after: _File) -> Tape:
    if after.opening_rows and follows(before.tape, after.tape, after.opening_rows):
        return after.tape.part(slice(after.opening_rows, None))
    return after.tape


def _read_file(path: Path) -> _File:
    try:
        table = pq.read_table(path, partitioning=None)
    except (OSError, pa.ArrowInvalid) as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else str(error).splitlines()[0]
        raise InputError(f"{path}: {reason}; expected a tape in Parquet") from error
    texts = {name.decode(): value.decode() for name, value in (table.schema.metadata or {}).items()}
    if texts.get("format") != FORMAT:
        raise InputError(f"{path}: not a tape; expected Parquet with the metadata format = {FORMAT!r}")
    columns = {name: table[name].to_numpy().astype(kind, copy=False) for name, kind in COLUMNS.items()}
    times = {"ts_ns": int(columns["exch_ns"][0]), "recv_ns": int(columns["recv_ns"][0])} if len(table) else {"ts_ns": 0}
    named = {name: texts[name] for name in _INSTRUMENT_FIELDS if name in texts}
    instrument = msgspec.convert(named | times, InstrumentDefined, strict=False)
    return _File(Tape(instrument=instrument, **columns), int(texts.get("opening_rows", "0")))
