"""The log of a running session into a file log: from the bus, and where that was trimmed from the file or the store."""

import asyncio
from base64 import b64decode
from pathlib import Path

import msgspec

from mm_bus.bus import Bus
from mm_bus.log_copies import stream_ends
from mm_core.types import IntegrityError, UnavailableError
from mm_service.config import load_config
from mm_session.complete_log import append_log
from mm_session.requests import with_bus
from mm_session.sessions import Running
from mm_store.log_file import LogWriter
from mm_store.log_read import has_log, read_records
from mm_wire.chain import Record, name_of
from mm_wire.subjects import ARCHIVER, sql_subject, status_subject, stream

SQL_S = 40.0
ROWS = 4_000  # of one reply, which the bus must carry
_SELECT = """
SELECT toString(seq) AS place, label, name, base64Encode(data) AS data FROM log
WHERE seq >= {from_seq} AND seq < {until_seq}
AND session = '{session}' ORDER BY seq
"""


class _Row(msgspec.Struct):
    place: str
    label: str
    name: str
    data: str


async def copy_log(bus: Bus, group: str, writer: LogWriter, folder: Path) -> None:
    """Append the log up to now to an empty file log. IntegrityError where the parts are not of one log."""
    ends = await stream_ends(bus, group)
    if ends.first_seq > writer.next_seq:
        if has_log(folder):
            await asyncio.to_thread(_copy_file, folder, writer, ends.first_seq)
        else:
            await _copy_store(bus, group, writer, ends.first_seq)
    await append_log(bus, group, writer)


def _copy_file(folder: Path, writer: LogWriter, until_seq: int) -> None:
    for record in read_records(folder, writer.next_seq):
        if record.seq >= until_seq:
            break
        writer.append(record)
        if writer.is_due:
            writer.flush()


async def _copy_store(bus: Bus, group: str, writer: LogWriter, until_seq: int) -> None:
    """By way of the archiver, which queries the store."""
    status = await bus.request(status_subject(group, ARCHIVER))
    session = str((status or {}).get("session", ""))
    if not session or not session.isprintable() or set(session) & set("'\\"):
        raise UnavailableError(f"the log {stream(group)} begins at {until_seq}, and the archiver does not answer")
    rows = ROWS
    while writer.next_seq < until_seq:
        last = min(writer.next_seq + rows, until_seq)
        query = {
            "sql": _SELECT.format(session=session, from_seq=writer.next_seq, until_seq=last),
            "format": "JSONEachRow",
        }
        answer = await bus.request(sql_subject(group), query, timeout_s=SQL_S)
        if answer is None and rows > 1:  # too much for one message, or for the time
            rows //= 4
            continue
        if answer is None or "error" in answer:
            raise UnavailableError(f"the store does not give the log: {(answer or {}).get('error', 'no answer')}")
        for line in answer["answer"].splitlines():
            row = msgspec.json.decode(line, type=_Row)
            record = Record(int(row.place), row.label, row.name, b64decode(row.data))
            is_next = record.seq == writer.next_seq
            if not is_next or record.name != name_of(writer.last_name, record.label, record.data):
                break
            writer.append(record)
        else:
            if writer.next_seq == last:
                writer.flush()
                continue
        raise IntegrityError(
            f"the log {stream(group)} begins at {until_seq} on the bus, and the store holds it up to "
            f"{writer.next_seq - 1}: {writer.next_seq} is the first that is missing"
        )


def copy_running(running: Running, out: Path) -> None:
    """The log of a running session up to now, into `log/` of `out`: from its file, the store and the bus."""
    folder = Path(load_config(None).store.log or running.folder)  # in containers it is on a volume of its own
    with LogWriter(out) as writer:
        with_bus(running, lambda bus: copy_log(bus, running.group, writer, folder))
