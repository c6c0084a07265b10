"""A log on disk: one zstd file of msgpack; for each event a `bin 32` that holds the event as `mm_wire` encodes it."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pyarrow as pa

from mm_core.events import AnyEvent, Event
from mm_core.types import InputError
from mm_store.atomic import replacing
from mm_wire.codec import decode, encode

LOG_FILE = Path("log", "events.msgpack.zst")
_BIN_32 = b"\xc6"
_HEAD_BYTES = 5
_BUFFER_BYTES = 1 << 16

Hear = Callable[[Event], object]


@contextmanager
def writing_log(folder: Path) -> Iterator[Hear]:
    """Give what writes one event after the other to the log of a session folder; the file appears when the block ends.

    InputError if it cannot be written.
    """
    with (
        replacing(folder / LOG_FILE) as path,
        pa.OSFile(str(path), "wb") as raw,
        pa.CompressedOutputStream(raw, "zstd") as file,
    ):
        buffer = bytearray()

        def write(event: Event) -> None:
            data = encode(event)
            buffer.extend(_BIN_32 + len(data).to_bytes(_HEAD_BYTES - 1))
            buffer.extend(data)
            if len(buffer) >= _BUFFER_BYTES:
                _put(file, buffer, folder)

        yield write
        _put(file, buffer, folder)


def _put(file: pa.NativeFile, buffer: bytearray, folder: Path) -> None:
    try:
        file.write(bytes(buffer))
    except OSError as error:
        raise InputError(f"{folder}: the log cannot be written: {os.strerror(error.errno or 0)}") from error
    buffer.clear()


def read_log(folder: Path) -> Iterator[AnyEvent]:
    """The events of a session folder's log. InputError if it is not there, or damaged."""
    path = folder / LOG_FILE
    try:
        with pa.OSFile(str(path), "rb") as raw, pa.CompressedInputStream(raw, "zstd") as file:
            while head := file.read(_HEAD_BYTES):
                size = int.from_bytes(head[1:])
                data = file.read(size)
                if head[:1] != _BIN_32 or len(data) != size:
                    raise InputError(f"{path}: damaged; expected a log as a session writes it")
                yield decode(data)
    except (OSError, msgspec.DecodeError) as error:
        raise InputError(f"{path}: {error}; expected a log as a session writes it") from error
