"""One instrument's Binance feed: parser, sync machine, and all that may speak against the book, in one pure object."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import msgspec

from mm_core.events import BookDelta, BookSnapshot, BookTop, FeedStatus, InstrumentDefined, RootEvent, Trade
from mm_core.types import NS_PER_S, BookState, Side
from mm_venues.audit import TouchAudit
from mm_venues.binance.listing import TRADING, grid_change, refresh
from mm_venues.binance.parse import MarketFact, Parser
from mm_venues.binance.sync import Sync
from mm_venues.clock_guard import ClockGuard
from mm_venues.complete import Window
from mm_venues.control import Disconnected
from mm_venues.feed_counts import FeedCounts
from mm_venues.frame_error import FrameError
from mm_venues.proof import Proof
from mm_venues.stall import Stall
from mm_venues.trade_ids import TradeIds

LATE_NS = 5 * NS_PER_S  # a depth event that comes later than usual by more is not traded on
_FOREIGN_FACTOR = 2  # a snapshot whose prices are off by more is of another instrument
_PRICES = 3  # from all of these: one print may be off


class Feed:
    """Frames in order of arrival to root events in the order of the log; `root_seq` and `local_ns` stay 0.

    The first event is InstrumentDefined. Trades come from `trade` or from `aggTrade`, not from both, or each print
    would count twice: the kind that comes first is taken, the other only counted.

    What the caller is to do: fetch a snapshot while `needs_snapshot`, connect anew while there is a
    `reconnect_reason`, request exchangeInfo while `needs_definition`, end the session once `definition_changed`; then
    the feed takes nothing more, and `new_instrument` is what a new session begins with.
    """

    def __init__(self, instrument: InstrumentDefined, audit: TouchAudit) -> None:
        self._proof = Proof(audit)
        self.sync = Sync(instrument.instrument_id, self._proof)
        self.reconnect_reason = ""
        self.needs_definition = False
        self.definition_changed = ""
        self.new_instrument: InstrumentDefined | None = None
        self._instrument = instrument
        self._audit = audit
        self._parser = Parser(instrument)
        self._clock = ClockGuard()
        self._trade_ids = TradeIds()
        self._stall = Stall()
        self._is_open = False
        self._trade_kind = ""
        self._trade_ns = 0  # T of the last trade as it came
        self._prices_ticks = deque[int](maxlen=_PRICES)  # of the last trades and of the venue's touch
        self._depth_ns_max = self._depth_ns = 0  # the highest, the last E
        self._holds = {"listing": "", "late": "", "window": ""}  # why a proven book is not quoted all the same
        self._trades = self._book_tops = self._stalls = self._depth_late = 0
        self._other: dict[str, int] = {}

    @property
    def instrument(self) -> InstrumentDefined:
        """As the venue defined it last."""
        return self._instrument

    @property
    def needs_snapshot(self) -> bool:
        """Whether a snapshot would help."""
        return self.sync.needs_snapshot

    @property
    def epoch(self) -> int:
        """The number of the book's life: a new one begins with each loss of the proof."""
        return self.sync.epoch

    @property
    def is_valid(self) -> bool:
        """True while the book is proven, in time, and traded."""
        return self.sync.is_valid and not (self._hold_reason() or self.definition_changed)

    @property
    def first_contradiction(self) -> str:
        """What first contradicted the rebuilt book, by the venue's own data; empty if nothing did."""
        return self._audit.first_contradiction

    @property
    def lag_ns(self) -> int:
        """How much later than usual the last depth event came."""
        return self._clock.lag_ns

    def feed(self, recv_ns: int, frame: bytes) -> list[RootEvent]:
        """The events that a frame received at `recv_ns` leads to; FrameError, and no change, if it is a bad frame."""
        if self.definition_changed:
            return []
        try:
            kind, fact = self._parser.parse(recv_ns, frame, self.sync.depth_ns)
        except FrameError as error:
            self.needs_definition |= error.is_off_grid
            raise
        now_ns, fact = self._timed(recv_ns, fact)
        published = self._stalled(fact, now_ns) + self._take(kind, fact, now_ns)
        return self._opening(published[0]) + published if published and not self._is_open else published

    def counts(self) -> FeedCounts:
        """Everything counted so far."""
        ids, sync = self._trade_ids, msgspec.structs.asdict(self.sync.counts)
        return FeedCounts(
            **sync | {"dropped": dict(sync["dropped"]), "other": dict(self._other)},
            **msgspec.structs.asdict(self._audit.counts),
            trades=self._trades,
            trade_gaps=ids.gaps,
            trades_late=ids.late,
            trades_repeated=ids.repeated,
            trade_id_restarts=ids.restarts,
            book_tops=self._book_tops,
            off_lot_levels=self._parser.off_lot_levels,
            stalls=self._stalls,
            times_bounded=self._clock.bounded,
            depth_late=self._depth_late,
        )

    def _opening(self, first: RootEvent) -> list[RootEvent]:
        """The definition takes the times of the event that it comes before: it has none of its own."""
        self._is_open = True
        return [msgspec.structs.replace(self._instrument, ts_ns=first.ts_ns, recv_ns=first.recv_ns)]

    def _timed(self, recv_ns: int, fact: MarketFact | None) -> tuple[int, Any]:
        """The receive time, and the fact with times that no outlier has."""
        match fact:
            case BookDelta():
                now_ns, ts_ns = self._clock.depth(recv_ns, fact.ts_ns)
            case Trade():
                self._trade_ns = fact.ts_ns
                now_ns, ts_ns = self._clock.event(recv_ns, fact.ts_ns)
            case BookSnapshot() | BookTop():
                now_ns, ts_ns = self._clock.receive(recv_ns), fact.ts_ns
            case _:
                return self._clock.receive(recv_ns), fact
        if (now_ns, ts_ns) == (recv_ns, fact.ts_ns):
            return now_ns, fact
        return now_ns, msgspec.structs.replace(fact, recv_ns=now_ns, ts_ns=ts_ns)

    def _stalled(self, fact: MarketFact | None, now_ns: int) -> list[RootEvent]:
        """The end of a book whose depth stream stands still while others go on."""
        if isinstance(fact, BookDelta | Disconnected):
            return []  # the one ends a stall, the other voids the book anyway
        reason = self._stall.reason(now_ns) if self._stall.is_watched else ""
        if not reason or not self.sync.is_valid:
            return []
        self._stall.clear()
        self._stalls += 1
        self.reconnect_reason = reason
        return [*self.sync.void(now_ns, reason)]

    def _take(self, kind: str, fact: Any, now_ns: int) -> list[RootEvent]:
        take = self._TAKE.get(type(fact))
        if take is not None:
            return take(self, kind, fact, now_ns)
        self._count_other(kind)
        return []

    def _on_diff(self, _: str, diff: BookDelta, now_ns: int) -> list[RootEvent]:
        self._depth_ns, self._depth_ns_max = diff.ts_ns, max(self._depth_ns_max, diff.ts_ns)
        self._stall.clear()
        late = ""
        if self.lag_ns > LATE_NS:
            self._depth_late += 1
            late = self._holds["late"] or f"received {self.lag_ns / NS_PER_S:.1f} s after its exchange time"
        before = self._state()
        facts = self.sync.on_diff(diff)
        self._holds["late"] = late
        return self._published(facts, before, now_ns)

    def _on_snapshot(self, _: str, snapshot: BookSnapshot, now_ns: int) -> list[RootEvent]:
        if self._is_foreign(snapshot):
            self.sync.counts.snapshots += 1
            self.sync.counts.snapshots_refused += 1
            return []
        before = self._state()
        return self._published(self.sync.on_snapshot(snapshot), before, now_ns)

    def _is_foreign(self, snapshot: BookSnapshot) -> bool:
        """Whether its touch is far from what was traded or shown last: a snapshot names no symbol."""
        if not self._prices_ticks:
            return False
        low_ticks, high_ticks = min(self._prices_ticks), max(self._prices_ticks)
        is_above = any(ticks > high_ticks * _FOREIGN_FACTOR for ticks in snapshot.bid_ticks[:1])
        return is_above or any(ticks * _FOREIGN_FACTOR < low_ticks for ticks in snapshot.ask_ticks[:1])

    def _on_disconnected(self, _: str, lost: Disconnected, now_ns: int) -> list[RootEvent]:
        self.reconnect_reason = ""
        self._clock.reconnected()
        self._trade_ids.disconnected()
        self._stall.clear()
        self._prices_ticks.clear()
        self._proof.restart()
        return [*self.sync.disconnected(now_ns, lost.reason)]

    def _on_trade(self, kind: str, trade: Trade, now_ns: int) -> list[RootEvent]:
        self._trade_kind = self._trade_kind or kind
        if kind != self._trade_kind:
            self._count_other(kind)
            return []
        if not self._trade_ids.is_new(trade, self._trade_ns, self._depth_ns_max):
            return []
        self._trades += 1
        self._prices_ticks.append(trade.price_ticks)
        if self.sync.is_valid and trade.ts_ns >= self._depth_ns:
            self._stall.trade(now_ns, is_through=self._is_through(trade))
        return [trade]

    def _is_through(self, trade: Trade) -> bool:
        touch = self._audit.touch
        if trade.side is Side.BUY:
            return 0 < touch.ask_ticks < trade.price_ticks
        return trade.price_ticks < touch.bid_ticks

    def _on_top(self, kind: str, top: BookTop, now_ns: int) -> list[RootEvent]:
        if not top.ts_ns:
            self._count_other(kind)
            return []
        self._book_tops += 1
        if top.bid_ticks and top.ask_ticks:
            self._prices_ticks.append((top.bid_ticks + top.ask_ticks) // 2)
        before = self._state() if self._holds["window"] else None
        self._proof.top(top)
        if self._audit.contradiction:
            return [top, *self.sync.void(now_ns, self._audit.contradiction)]
        return self._published([top], before, now_ns) if before else [top]

    def _on_listing(self, _: str, listed: InstrumentDefined, now_ns: int) -> list[RootEvent]:
        self.needs_definition = False
        change = grid_change(self._instrument, listed)
        if change:
            self.definition_changed, self.new_instrument = change, listed
            return [self.sync.status(BookState.GAP, now_ns, change)] if self.sync.epoch else []
        before = self._state()
        current = refresh(self._instrument, listed)
        published: list[RootEvent] = []
        if current != self._instrument and self._is_open:
            ts_ns = self.sync.depth_ns or now_ns
            published.append(msgspec.structs.replace(current, ts_ns=ts_ns, recv_ns=now_ns))
        self._instrument = current
        self._holds["listing"] = "" if listed.status == TRADING else f"symbol status {listed.status}"
        return self._published(published, before, now_ns)

    def _state(self) -> tuple[bool, str, Window]:
        """Whether the book is proven, why it is not quoted all the same, and where it is known to be complete."""
        return self.sync.is_valid, self._hold_reason(), self._proof.window

    def _published(self, facts: Sequence[RootEvent], before: tuple[bool, str, Window], now_ns: int) -> list[RootEvent]:
        """The facts, STALE in the place of VALID while something holds the book back; and a status where that changed.

        What makes the book worse comes before the facts, what makes it better behind them.
        """
        outside = self._proof.outside() if self.sync.is_valid else ""
        self._holds["window"] = outside and (self._holds["window"] or outside)
        after = self._state()
        held, reason = [_held(fact, after[1]) for fact in facts], after[1]
        is_same = before == after if not reason else before[1] == reason
        if not (before[0] and after[0]) or is_same or any(isinstance(fact, FeedStatus) for fact in facts):
            return held
        if reason:
            return [self.sync.status(BookState.STALE, now_ns, reason), *held]
        if before[1]:
            return [*held, self.sync.status(BookState.VALID, now_ns, f"no longer {before[1]}")]
        return [self.sync.status(BookState.VALID, now_ns, "no more levels by the venue's own touch"), *held]

    def _hold_reason(self) -> str:
        return next((reason for reason in self._holds.values() if reason), "")

    def _count_other(self, kind: str) -> None:
        self._other[kind] = self._other.get(kind, 0) + 1

    _TAKE: ClassVar[dict[type, Callable[["Feed", str, Any, int], list[RootEvent]]]] = {
        BookDelta: _on_diff,
        BookSnapshot: _on_snapshot,
        BookTop: _on_top,
        Disconnected: _on_disconnected,
        InstrumentDefined: _on_listing,
        Trade: _on_trade,
    }


def _held(fact: RootEvent, reason: str) -> RootEvent:
    if reason and isinstance(fact, FeedStatus) and fact.state is BookState.VALID:
        return msgspec.structs.replace(fact, state=BookState.STALE, reason=reason)
    return fact
