"""The tape of a session: the market data of its log, in the log's order and with the log's times.

A backtest stamps the rows of a tape again: local_ns = max(recv_ns + offset, ts_ns, local_ns before). A row retains the
receive time of its root where that leads to the logged local_ns, as in every session on recorded frames; where the
sequencer knew another offset at that moment, the row gets local_ns - offset, which does. Either way the stamps of the
backtest are those of the log, to the nanosecond, if it runs with the session's own clock offset.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from mm_core.events import InstrumentDefined, OperatorCommand, Root, RootEvent, Tick
from mm_core.types import InputError
from mm_store.log_read import LOG, read_log
from mm_store.tape import TapeBuilder
from mm_store.tape_days import clock_ms, split_days, write_days
from mm_venues.defined import Defined

_PROGRESS_ROOTS = 4096

Progress = Callable[[int], None]  # local time of the last root, ns


class SessionTape(msgspec.Struct, frozen=True, kw_only=True):
    """What was written. `ticks_behind`: Ticks behind the last market data; a backtest of the tape makes one there.

    `restamped`: market data whose receive time was set so that it leads to the logged local_ns.
    """

    days: list[str]
    rows: int
    events: dict[str, int]
    defined: Defined
    clock_ms: dict[str, float]
    restamped: int
    ticks_behind: int
    folders: list[Path]

    def to_json(self) -> dict[str, object]:
        """The object that `import --json` prints."""
        fields = msgspec.structs.asdict(self)
        del fields["defined"], fields["folders"]
        return fields | {"instrument": self.defined.to_json()}


def import_session(
    folder: Path, instrument: InstrumentDefined, offset_ns: int, root: Path, progress: Progress, *, force: bool = False
) -> SessionTape:
    """Write the tape of a session's log per UTC day; `instrument` and `offset_ns` are those of its manifest.

    InputError for a log that is damaged, holds no market data, or holds an operator's command, which no tape can; and
    unless `force` for a day that is there already.
    """
    source = f"session {folder.name}"
    defined = Defined(instrument=instrument, tick_source=source, lot_source=source)
    reader = _Reader(folder, offset_ns, progress)
    builder = TapeBuilder(instrument)
    builder.add(reader.roots())
    tape = builder.tape()
    if not len(tape):
        raise InputError(f"{folder / LOG}: no market data; expected a session that has seen some")
    days = split_days(tape)
    return SessionTape(
        days=[day for day, _ in days],
        rows=len(tape),
        events=tape.counts(),
        defined=defined,
        clock_ms=clock_ms(tape),
        restamped=reader.restamped,
        ticks_behind=reader.ticks_behind,
        folders=write_days(root, defined, days, force=force),
    )


class _Reader:
    """The market data of a log that decides, with receive times that lead to its local_ns."""

    def __init__(self, folder: Path, offset_ns: int, progress: Progress) -> None:
        self._folder = folder
        self._offset_ns = offset_ns
        self._progress = progress
        self._local_ns = 0
        self.restamped = 0
        self.ticks_behind = 0

    def roots(self) -> Iterator[RootEvent]:
        """Roots for a tape, in order. InputError for one that a tape cannot hold."""
        for event in read_log(self._folder):
            match event:
                case OperatorCommand():
                    raise InputError(
                        f"{self._folder / LOG}: root {event.root_seq} is an operator's {event.command.name}, "
                        "which a tape cannot hold; expected a session without commands"
                    )
                case Tick():
                    self.ticks_behind += 1
                case Root() if not isinstance(event, InstrumentDefined):
                    self.ticks_behind = 0
                    yield self._received(event)

    def _received(self, root: RootEvent) -> RootEvent:
        if root.root_seq % _PROGRESS_ROOTS == 0:
            self._progress(root.local_ns)
        earliest_ns, self._local_ns = max(root.ts_ns, self._local_ns), root.local_ns
        if max(root.recv_ns + self._offset_ns, earliest_ns) == root.local_ns:
            return root
        if root.local_ns < earliest_ns:
            raise InputError(
                f"{self._folder / LOG}: root {root.root_seq}: local_ns {root.local_ns}; expected {earliest_ns} or "
                "more (`crypto-mm verify` lists what else is wrong)"
            )
        self.restamped += 1
        received: RootEvent = msgspec.structs.replace(root, recv_ns=root.local_ns - self._offset_ns)
        return received
