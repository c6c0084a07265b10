"""A session's log restored before it is resumed: from its file, its store, and what the bus still has of it."""

import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

import msgspec

from mm_bus.bus import Bus
from mm_bus.log_check import follows, read_message, record_of
from mm_bus.messages import NotFoundError
from mm_bus.restore import check_stream, from_copies
from mm_core.types import IntegrityError
from mm_service.settings import StoreSettings
from mm_store.log_file import LogWriter
from mm_store.log_read import End, has_log, read_records
from mm_store.log_repair import set_aside_damage
from mm_wire.chain import Record
from mm_wire.subjects import stream


class Copies:
    """The copies of a session's log beside the one on its bus. `end` is that of its file.

    A damaged file is cut at its damage; what is behind it stays beside it.
    """

    def __init__(self, folder: Path, store: StoreSettings) -> None:
        self._folder, self._store = folder, store
        self.notes: list[str] = []
        self.end = End()
        if has_log(folder):
            if damage := set_aside_damage(folder):
                self.notes.append(f"{damage}; left beside it")
            with LogWriter(folder) as writer:
                self.end = End(writer.next_seq, writer.last_name)

    def records(self, tail: Iterable[Record]) -> Iterator[Record]:
        """All records that file and store hold together, and a `tail` behind them."""
        file = partial(read_records, self._folder) if has_log(self._folder) else _nothing
        return from_copies([file, self._stored, lambda from_seq: (each for each in tail if each.seq >= from_seq)])

    def _stored(self, from_seq: int) -> Iterator[Record]:
        """Those of the store, read by a process of its own: opening it locks it to the end of the process."""
        return stored_records(self._store, from_seq)


def _nothing(_: int) -> Iterator[Record]:
    return iter(())


def stored_records(store: StoreSettings, from_seq: int) -> Iterator[Record]:
    """The records of a session's log in its store from a sequence on; none where it cannot be read."""
    if not (store.url or Path(store.path).is_dir()):
        return
    command = [sys.executable, "-m", "mm_session.stored_records", msgspec.json.encode(store).decode(), str(from_seq)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:  # noqa: S603  # ours
        assert process.stdout is not None
        for line in process.stdout:
            seq, label, name, data = msgspec.json.decode(line, type=tuple[int, str, str, bytes])
            yield Record(seq, label, name, data)


async def damage_of(bus: Bus, group: str, end: End) -> str:
    """What is wrong with the stream of a log whose file ends at `end`; "" if it holds all of the file."""
    last_seq = end.next_seq - 1
    try:
        found = await check_stream(bus, group, last_seq, end.last_name)
    except IntegrityError as error:
        return str(error)
    return "" if found >= last_seq else f"the log {stream(group)} does not exist"


async def tail_of(bus: Bus, group: str, end: End) -> list[Record]:
    """What a damaged stream still holds behind the file, as far as it follows."""
    records: list[Record] = []
    before = end.last_name
    try:
        while True:
            record = record_of(await read_message(bus, group, end.next_seq + len(records)))
            before = follows(stream(group), before, record)
            records.append(record)
    except (IntegrityError, NotFoundError):  # here it ends; or there is no stream
        return records
