"""The files of a session, made from its log: of one that failed, was killed, or still runs."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from mm_core.events import InstrumentDefined
from mm_core.setup.config import Config
from mm_core.types import NS_PER_S, InputError
from mm_research.session import Session
from mm_research.session_writer import SessionWriter
from mm_store.log_file import LogWriter
from mm_wire.chain import Record
from mm_wire.codec import decode

PROGRESS_RECORDS = 4096

# Called with (last sequence done, local time of the last root, ns).
Progress = Callable[[int, int], object]


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """A session that is to be exported: what it is, and under which terms it ran."""

    command: str
    config: Config
    instrument: InstrumentDefined
    inputs: Sequence[Path] = ()


def export(
    about: Exported, records: Iterable[Record], out: Path, *, with_log: bool, progress: Progress = lambda _s, _ns: None
) -> dict[str, Any]:
    """Write the files of a session to `out`, its log too if `with_log`; the summary.

    It counts as not complete: nothing shows that the log was closed. InputError if the folder cannot be written.
    """
    writer = SessionWriter(out, about.instrument, about.config)
    log = LogWriter(out) if with_log else None
    try:
        last_seq = _take_all(records, writer, log, progress)
        writer.finish()
        summary = _summary(writer, last_seq) | {"session": str(out)}
        session = Session(
            command=about.command,
            config=about.config,
            instrument=about.instrument,
            inputs=about.inputs,
            complete=False,
        )
        writer.write(session, summary)
    except BaseException:
        writer.discard()
        raise
    finally:
        if log is not None:
            log.close()
    return summary


def _take_all(records: Iterable[Record], writer: SessionWriter, log: LogWriter | None, progress: Progress) -> int:
    seq = 0
    for record in records:
        seq = record.seq
        if log is not None:
            log.append(record)
            if log.is_due:
                log.flush()
        if not record.is_fence:
            writer.take(decode(record.data))
        if seq % PROGRESS_RECORDS == 0:
            progress(seq, writer.tracker.last_ns)
    if not writer.tracker.last_ns:
        raise InputError("the log holds no market data; expected that of a session that has seen some")
    progress(seq, writer.tracker.last_ns)
    return seq


def _summary(writer: SessionWriter, last_seq: int) -> dict[str, Any]:
    """The keys of `paper --json` that follow from a log."""
    tracker = writer.tracker
    return {
        **writer.report.summary(),
        "market_s": (tracker.last_ns - tracker.first_ns) / NS_PER_S,
        "log_seq": last_seq,
        "digests": writer.report.digests.texts(),
    }
