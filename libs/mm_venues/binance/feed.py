"""One instrument's Binance feed: parser, sync machine, trade ids and touch audit in one pure object."""

import msgspec

from mm_core.events import BookDelta, BookSnapshot, BookTop, InstrumentDefined, RootEvent, Trade
from mm_venues.audit import TouchAudit
from mm_venues.binance.parse import Parser
from mm_venues.binance.sync import Sync
from mm_venues.control import Disconnected


class FeedCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What a feed has seen so far. `other` counts frames that became no event, by kind.

    depth_received = depth_applied + depth_dropped + what waits for a snapshot. `trades` counts Trade events,
    `trade_gaps` holes in their ids, `trades_repeated` ids that came again, `trades_late` trades whose T lies before
    an E that was already there. `off_lot_levels` are level quantities that were no whole number of lots, `disconnects`
    lost connections.
    """

    depth_received: int
    depth_dropped: int
    depth_applied: int
    depth_duplicates: int
    gaps: int
    snapshots: int
    snapshots_refused: int
    crossed: int
    trades: int
    trade_gaps: int
    trades_late: int
    trades_repeated: int
    book_tops: int
    touch_checked: int
    touch_equal: int
    off_lot_levels: int
    disconnects: int = 0
    other: dict[str, int]


class Feed:
    """Frames in order of arrival to root events in the order of the log; `root_seq` and `local_ns` stay 0.

    The first event is InstrumentDefined. Trades come from `trade` or from `aggTrade`, not from both, or each print
    would count twice: the kind that comes first is taken, the other only counted.
    """

    def __init__(self, instrument: InstrumentDefined, audit: TouchAudit) -> None:
        self.sync = Sync(instrument.instrument_id)
        self._instrument = instrument
        self._audit = audit
        self._parser = Parser(instrument)
        self._is_open = False
        self._trade_kind = ""
        self._trade_id = -1
        self._depth_ns_max = 0
        self._trades = self._trade_gaps = self._trades_late = self._trades_repeated = self._book_tops = 0
        self._other: dict[str, int] = {}

    def feed(self, recv_ns: int, frame: bytes) -> list[RootEvent]:
        """The events that a frame received at `recv_ns` leads to; FrameError, and no change, if it is a bad frame."""
        kind, fact = self._parser.parse(recv_ns, frame, self.sync.depth_ns)
        said: list[RootEvent] = []
        match fact:
            case BookDelta():
                said += self.sync.on_diff(fact)
                self._depth_ns_max = max(self._depth_ns_max, fact.ts_ns)
            case BookSnapshot():
                said += self.sync.on_snapshot(fact)
            case Disconnected():
                said += self.sync.disconnected(recv_ns, fact.reason)
            case Trade() if self._is_next(kind, fact):
                said.append(fact)
            case BookTop() if fact.ts_ns:
                self._book_tops += 1
                said.append(fact)
            case Trade():
                pass
            case _:
                self._count_other(kind)
        for event in said:
            self._audit.hear(event)
        return self._opening(said[0]) + said if said and not self._is_open else said

    def counts(self) -> FeedCounts:
        """Everything counted so far."""
        return FeedCounts(
            **msgspec.structs.asdict(self.sync.counts),
            **msgspec.structs.asdict(self._audit.counts),
            trades=self._trades,
            trade_gaps=self._trade_gaps,
            trades_late=self._trades_late,
            trades_repeated=self._trades_repeated,
            book_tops=self._book_tops,
            off_lot_levels=self._parser.off_lot_levels,
            other=dict(self._other),
        )

    def _opening(self, first: RootEvent) -> list[RootEvent]:
        """The definition takes the times of the event that it comes before: it has none of its own."""
        self._is_open = True
        return [msgspec.structs.replace(self._instrument, ts_ns=first.ts_ns, recv_ns=first.recv_ns)]

    def _is_next(self, kind: str, trade: Trade) -> bool:
        """Count a trade; False if it is of the other kind or repeated."""
        self._trade_kind = self._trade_kind or kind
        if kind != self._trade_kind:
            self._count_other(kind)
            return False
        if trade.trade_id <= self._trade_id:
            self._trades_repeated += 1
            return False
        self._trades += 1
        self._trade_gaps += 0 <= self._trade_id < trade.trade_id - 1
        self._trades_late += trade.ts_ns < self._depth_ns_max
        self._trade_id = trade.trade_id
        return True

    def _count_other(self, kind: str) -> None:
        self._other[kind] = self._other.get(kind, 0) + 1
