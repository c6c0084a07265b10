"""The tape: root events of one instrument as columns, one row per level or trade, in the order of the log.

Columns: `exch_ns` (ts_ns), `recv_ns`, `id` (update id; trade id; epoch of a status), `tick`, `lots`, `kind`,
`side` (0 bid or buying taker, 1 ask or selling taker), `last` (true on the last row of its event).

| kind | event | rows |
|---|---|---|
| DEPTH | BookDelta | bids, then asks, as in the frame; without levels one row of tick 0 and lots -1 |
| TRADE | Trade | one |
| CLEAR | BookSnapshot | its first row, of tick 0 and lots 0 |
| SNAPSHOT | BookSnapshot | one per level: bids, then asks, best first |
| STATUS | FeedStatus | one: side is the state, tick and lots the low and the high end of the complete window |
| TOP | BookTop | two: the best bid, the best ask; a side without one has lots 0 |

Not on the tape: the reason of a status, and `first_update_id`, which reads back as the id before it + 1.
InstrumentDefined is the metadata.

A day after the first begins with the book and the status of the day before (see `opening`): as many rows as
`opening_rows` in the metadata counts.
"""

from collections.abc import Iterable, Iterator
from enum import IntEnum
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np

from mm_core.events import BookDelta, BookSnapshot, BookTop, FeedStatus, InstrumentDefined, RootEvent, Trade
from mm_core.types import BookState, InputError, Side

Column = np.ndarray[Any, np.dtype[Any]]

NO_LEVELS_LOTS = -1
_PART_ROWS = 1 << 20


class Kind(IntEnum):
    """What a row is. The numbers are on disk: append only."""

    DEPTH = 0
    TRADE = 1
    SNAPSHOT = 2
    CLEAR = 3
    STATUS = 4
    TOP = 5


COLUMNS: dict[str, type[np.generic]] = {
    "exch_ns": np.int64,
    "recv_ns": np.int64,
    "id": np.int64,
    "tick": np.int32,
    "lots": np.int64,
    "kind": np.int8,
    "side": np.int8,
    "last": np.bool_,
}


class Tape(msgspec.Struct, frozen=True, kw_only=True):
    """Columns of equal length (39 bytes a row) and the instrument that gives ticks and lots their size."""

    instrument: InstrumentDefined
    exch_ns: Column
    recv_ns: Column
    id: Column
    tick: Column
    lots: Column
    kind: Column
    side: Column
    last: Column

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.kind)

    def part(self, rows: slice) -> "Tape":
        """Some rows of it, without a copy."""
        return msgspec.structs.replace(self, **{name: getattr(self, name)[rows] for name in COLUMNS})

    def counts(self) -> dict[str, int]:
        """Number of events by kind."""
        events = np.bincount(self.kind[self.last], minlength=len(Kind))
        by_kind = {kind.name.lower(): int(events[kind]) for kind in Kind if kind is not Kind.CLEAR}
        # A snapshot without levels is its CLEAR row alone.
        return by_kind | {"snapshot": int(np.count_nonzero(self.kind == Kind.CLEAR))}


class TapeBuilder:
    """Collects events into columns; `add` as many as you like, then `tape` once."""

    def __init__(self, instrument: InstrumentDefined) -> None:
        self._instrument = instrument
        self._parts: list[Tape] = []
        self._clear()

    def _clear(self) -> None:
        # One entry per run of rows that share these; a snapshot has two runs.
        self._runs: list[tuple[int, int, int, int, int]] = []  # exch_ns, recv_ns, id, kind, rows
        self._ticks: list[int] = []
        self._lots: list[int] = []
        self._sides = bytearray()

    def add(self, events: Iterable[RootEvent]) -> None:
        """Append the rows of these events; those that the tape does not hold are left out."""
        for event in events:
            if len(self._ticks) >= _PART_ROWS:
                self._end_part()
            match event:
                case BookDelta():
                    self._add_levels(Kind.DEPTH, event)
                case Trade():
                    self._add_row(Kind.TRADE, event, event.trade_id, event.side, event.price_ticks, event.qty_lots)
                case BookSnapshot():
                    self._add_row(Kind.CLEAR, event, event.update_id, 0, 0, 0)
                    self._add_levels(Kind.SNAPSHOT, event)
                case FeedStatus():
                    low_ticks, high_ticks = event.complete_low_ticks, event.complete_high_ticks
                    self._add_row(Kind.STATUS, event, event.epoch, event.state, low_ticks, high_ticks)
                case BookTop():
                    self._runs.append((event.ts_ns, event.recv_ns, event.update_id, Kind.TOP, 2))
                    self._ticks += event.bid_ticks, event.ask_ticks
                    self._lots += event.bid_lots, event.ask_lots
                    self._sides += b"\x00\x01"
                case _:
                    pass

    def tape(self) -> Tape:
        """The columns. InputError if a price is 2^31 ticks or more."""
        self._end_part()
        return joined(self._parts)

    def _end_part(self) -> None:
        """Python's lists take ten times the memory of columns: change over now and then."""
        try:
            self._parts.append(self._columns())
        except OverflowError as error:
            highest = max(self._ticks)
            raise InputError(
                f"a price of {highest} ticks: a tape holds less than 2^31; expected a larger tick"
            ) from error
        self._clear()

    def _columns(self) -> Tape:
        runs = np.array(self._runs, np.int64).reshape(-1, 5)
        rows = runs[:, 4]
        last = np.zeros(len(self._ticks), np.bool_)
        ends = np.cumsum(rows) - 1
        # The CLEAR row ends its event only if no level follows; then both runs end on the same row.
        last[ends] = True
        clears = np.flatnonzero(runs[:, 3] == Kind.CLEAR)
        last[ends[clears]] = rows[clears + 1] == 0
        return Tape(
            instrument=self._instrument,
            exch_ns=np.repeat(runs[:, 0], rows),
            recv_ns=np.repeat(runs[:, 1], rows),
            id=np.repeat(runs[:, 2], rows),
            tick=np.array(self._ticks, np.int32),
            lots=np.array(self._lots, np.int64),
            kind=np.repeat(runs[:, 3].astype(np.int8), rows),
            side=np.frombuffer(bytes(self._sides), np.int8),
            last=last,
        )

    def _add_levels(self, kind: Kind, event: BookDelta | BookSnapshot) -> None:
        bids, asks = len(event.bid_ticks), len(event.ask_ticks)
        if kind is Kind.DEPTH and not bids + asks:
            self._add_row(kind, event, event.update_id, 0, 0, NO_LEVELS_LOTS)
            return
        self._runs.append((event.ts_ns, event.recv_ns, event.update_id, kind, bids + asks))
        self._ticks += event.bid_ticks
        self._ticks += event.ask_ticks
        self._lots += event.bid_lots
        self._lots += event.ask_lots
        self._sides += bytes(bids) + b"\x01" * asks

    def _add_row(  # one row is these columns
        self,
        kind: Kind,
        event: Trade | BookDelta | BookSnapshot | FeedStatus,
        row_id: int,
        side: int,
        tick: int,
        lots: int,
    ) -> None:
        self._runs.append((event.ts_ns, event.recv_ns, row_id, kind, 1))
        self._ticks.append(tick)
        self._lots.append(lots)
        self._sides.append(side)


def joined(parts: list[Tape]) -> Tape:
    """The rows of all parts, one after the other, with the instrument of the first."""
    if len(parts) == 1:
        return parts[0]
    return msgspec.structs.replace(
        parts[0], **{name: np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS}
    )


def events(tape: Tape) -> Iterator[RootEvent]:
    """The events of a tape, InstrumentDefined first; the inverse of TapeBuilder but for what a tape does not hold."""
    yield tape.instrument
    reader = _EventReader(tape.instrument.instrument_id)
    ends = np.flatnonzero(tape.last) + 1
    for start, end in pairwise([0, *ends.tolist()]):
        yield reader.read(tape.part(slice(start, end)))


class _EventReader:
    """Rows of one event at a time to the event; remembers the update id before it."""

    def __init__(self, instrument_id: str) -> None:
        self._instrument_id = instrument_id
        self._update_id: int | None = None

    def read(self, rows: Tape) -> RootEvent:
        base: dict[str, Any] = {
            "instrument_id": self._instrument_id,
            "ts_ns": int(rows.exch_ns[0]),
            "recv_ns": int(rows.recv_ns[0]),
        }
        row_id, tick, lots = int(rows.id[0]), int(rows.tick[0]), int(rows.lots[0])
        match Kind(rows.kind[0]):
            case Kind.TRADE:
                return Trade(**base, trade_id=row_id, side=Side(rows.side[0]), price_ticks=tick, qty_lots=lots)
            case Kind.STATUS:
                state = BookState(rows.side[0])
                return FeedStatus(**base, state=state, epoch=row_id, complete_low_ticks=tick, complete_high_ticks=lots)
            case Kind.TOP:
                base |= {"bid_ticks": tick, "bid_lots": lots}
                return BookTop(**base, update_id=row_id, ask_ticks=int(rows.tick[1]), ask_lots=int(rows.lots[1]))
            case Kind.DEPTH:
                first = row_id if self._update_id is None else self._update_id + 1
                self._update_id = row_id
                levels = _levels(rows.part(slice(1 if lots == NO_LEVELS_LOTS else 0, None)))
                return BookDelta(**base, first_update_id=first, update_id=row_id, **levels)
            case _:
                self._update_id = row_id
                return BookSnapshot(**base, update_id=row_id, **_levels(rows.part(slice(1, None))))


def _levels(rows: Tape) -> dict[str, Any]:
    bids = int(np.count_nonzero(rows.side == 0))
    ticks, lots = rows.tick.tolist(), rows.lots.tolist()
    return {
        "bid_ticks": tuple(ticks[:bids]),
        "bid_lots": tuple(lots[:bids]),
        "ask_ticks": tuple(ticks[bids:]),
        "ask_lots": tuple(lots[bids:]),
    }
