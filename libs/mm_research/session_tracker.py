"""What a session's log holds so far: the rows of its recording, and the current status."""

import math
from collections import Counter
from collections.abc import Callable

import msgspec

from mm_core import events as e
from mm_core.setup.config import Config
from mm_core.setup.core import new_core
from mm_core.setup.units import units_of
from mm_core.types import MONEY_E9, TradeState
from mm_research.activity import REJECT_REASONS, RISK_REASONS, SIDES
from mm_research.log_rows import LogRows
from mm_research.recording import START, Recording
from mm_research.venue_mids import EventMids
from mm_research.why import book_text, needs_volatility, why_not_now

SEGMENT_ROWS = 1 << 12  # messages and samples that are collected before they are processed


class SessionStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Status of a session, in `base` and `quote`, for display. `quotes` are the resting orders: (is a sell, price).

    `quoted_share`: of the time so far in which an order rested; `why` no order rests on a side now.
    """

    local_ns: int
    bid: float
    ask: float
    quotes: tuple[tuple[bool, float], ...]
    position: float
    realised: float
    unrealised: float
    fees: float
    total: float
    orders: int
    fills: int
    book_state: str
    trading_state: str
    base: str
    quote: str
    denied: dict[str, int]
    rejected: dict[str, int]
    quoted_share: float
    why: tuple[str, ...]


class _Refusals:
    """Orders that were denied or rejected, by reason, and why a side has none resting."""

    def __init__(self) -> None:
        self.denied: Counter[str] = Counter()
        self.rejected: Counter[str] = Counter()
        self.last_denied: dict[int, str] = {}  # by side, until an order of it rests

    def take(self, event: e.OrderEvent) -> None:
        match event:
            case e.OrderDenied():
                reason = RISK_REASONS[event.reason]
                self.denied[reason] += 1
                self.last_denied[int(event.side)] = reason
            case e.OrderRejected():
                self.rejected[REJECT_REASONS[event.reason]] += 1
            case e.OrderAccepted():
                self.last_denied.pop(int(event.side), None)
            case _:
                pass


class SessionTracker:
    """Takes every event of a log in its order.

    Its rows are a `recording` at the end, or go to `on_segment` segment by segment, in memory that does not grow.
    """

    def __init__(
        self,
        instrument: e.InstrumentDefined,
        config: Config,
        on_segment: Callable[[Recording], object] | None = None,
    ) -> None:
        self.first_ns = self.last_ns = 0  # local time of the first and the last root
        self.root_seq = 0
        self._instrument = instrument
        self._rows = LogRows()
        self._on_segment = on_segment
        self._before = START
        self._mids = EventMids(instrument, new_core(config, instrument))
        self._units = units_of(instrument)
        self._book: e.Book | None = None
        self._trading: e.TradingState | None = None
        self._resting: dict[int, tuple[bool, int]] = {}
        self._orders = self._fills = 0
        self._refusals = _Refusals()
        self._quoted_ns = 0
        self._needs_volatility = needs_volatility(config)

    def take(self, event: e.Event) -> None:
        """Take the next event. A segment ends before a root: no decision continues behind it."""
        if self._on_segment is not None and self._rows.count >= SEGMENT_ROWS and isinstance(event, e.Root):
            self._end_segment(self._on_segment, is_last=False)
        self._rows.take(event)
        match event:
            case e.MarketEvent():
                self._on_root(event)
                self._mids.take(event)
            case e.Root():
                self._on_root(event)
            case e.Book():
                self._book = event
            case e.TradingState():
                self._trading = event
            case e.OrderEvent():
                self._on_order(event)
            case _:
                pass

    def finish(self) -> None:
        """The log has ended: the last segment."""
        assert self._on_segment is not None
        self._end_segment(self._on_segment, is_last=True)

    def _end_segment(self, on_segment: Callable[[Recording], object], *, is_last: bool) -> None:
        rows, mids = self._rows.drain(), self._mids
        segment = Recording(self._instrument, *rows, mids.mids, before=self._before, is_last=is_last)
        on_segment(segment)
        self._before = segment.after
        mids.drop_old()

    def _on_root(self, root: e.Root) -> None:
        if self._resting:
            self._quoted_ns += root.local_ns - self.last_ns
        self.last_ns, self.root_seq = root.local_ns, root.root_seq
        self.first_ns = self.first_ns or root.local_ns

    def _on_order(self, event: e.OrderEvent) -> None:
        self._refusals.take(event)
        match event:
            case e.SubmitOrder():
                self._orders += 1
            case e.OrderAccepted():
                self._resting[event.order_id] = (event.side == 1, event.price_ticks)
            case e.OrderFilled():
                self._fills += 1
                if not event.leaves_lots:
                    self._resting.pop(event.order_id, None)
            case e.OrderCanceled() | e.OrderExpired():
                self._resting.pop(event.order_id, None)
            case _:
                pass

    def recording(self) -> Recording:
        """Messages and samples so far, as a backtest has them."""
        return Recording(self._instrument, *self._rows.rows(), self._mids.mids)

    def status(self) -> SessionStatus:
        """The current status."""
        account, book, units = self._rows.account[0], self._book, self._units
        position_lots, realised_half = int(account["position_lots"]), int(account["realised_half"])
        total_half = int(account["cash_half"]) + position_lots * int(account["mid_half"])
        quote = float(units.value_e9) / 2 / MONEY_E9
        fees = int(account["fees_e9"]) / MONEY_E9
        tick = float(units.tick)
        return SessionStatus(
            local_ns=self.last_ns,
            bid=book.bid_ticks * tick if book else 0.0,
            ask=book.ask_ticks * tick if book else 0.0,
            quotes=tuple((is_sell, ticks * tick) for is_sell, ticks in self._resting.values()),
            position=float(position_lots * units.lot),
            realised=realised_half * quote,
            unrealised=(total_half - realised_half) * quote,
            fees=fees,
            total=total_half * quote - fees,
            orders=self._orders,
            fills=self._fills,
            book_state=book_text(book),
            trading_state=self._trading.state.name if self._trading else TradeState.ACTIVE.name,
            base=self._instrument.base or "base",
            quote=self._instrument.quote or "quote",
            denied=dict(self._refusals.denied),
            rejected=dict(self._refusals.rejected),
            quoted_share=self._quoted_ns / max(self.last_ns - self.first_ns, 1),
            why=self._why(),
        )

    def _why(self) -> tuple[str, ...]:
        book, sides = self._book, [side for side, _ in self._resting.values()]
        denied = {SIDES[side]: reason for side, reason in self._refusals.last_denied.items() if bool(side) not in sides}
        is_cold = self._needs_volatility and book is not None and math.isnan(book.volatility_ticks_sqrt_s)
        return why_not_now(book, self._trading, denied, is_cold=is_cold)
