"""Tapes on disk: Parquet files of the columns that `tape_rows` describes.

A session that lasts over midnight has one file per UTC day; read them together, in order. Only the first begins with
a snapshot, so a later day alone has no proven book.
"""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from mm_core.events import InstrumentDefined
from mm_core.types import InputError
from mm_store.atomic import replacing
from mm_store.tape_rows import COLUMNS, Kind, Tape, TapeBuilder, events, joined

__all__ = ["COLUMNS", "Kind", "Tape", "TapeBuilder", "events", "read_tape", "write_tape"]

FORMAT = "crypto-mm tape 1"
# The definition without the times, which belong to a session; a tape written before a field was there has its default.
_INSTRUMENT_FIELDS = tuple(
    name for name in InstrumentDefined.__struct_fields__ if name not in ("ts_ns", "recv_ns", "local_ns", "root_seq")
)


def write_tape(path: Path, tape: Tape) -> None:
    """Write a tape as Parquet (zstd) to a path that appears only when the file is whole.

    The metadata of the schema: `format`, the fields of the instrument, and `counts`, the events by kind as JSON.
    """
    texts = {name: str(getattr(tape.instrument, name)) for name in _INSTRUMENT_FIELDS}
    texts |= {"format": FORMAT, "counts": msgspec.json.encode(tape.counts()).decode()}
    table = pa.table({name: getattr(tape, name) for name in COLUMNS}).replace_schema_metadata(texts)
    with replacing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def read_tape(paths: Sequence[Path]) -> Tape:
    """The tape of one session from its files (its days), in the order given.

    InputError if a file is no tape, or of another instrument or tick or lot size than the first.
    """
    parts = [_read_file(path) for path in paths]
    first = parts[0].instrument
    for path, part in zip(paths, parts, strict=True):
        other = msgspec.structs.replace(part.instrument, ts_ns=first.ts_ns, recv_ns=first.recv_ns)
        if other != first:
            raise InputError(
                f"{path}: {other.instrument_id} with tick {other.tick_size} and lot {other.lot_size}; "
                f"expected {first.instrument_id} with {first.tick_size} and {first.lot_size}"
            )
    return joined(parts)


def _read_file(path: Path) -> Tape:
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
    return Tape(instrument=msgspec.convert(named | times, InstrumentDefined, strict=False), **columns)
