"""What a session's log says so far: the rows of its record, and where it stands now."""

import msgspec

from mm_core import events as e
from mm_core.setup.units import units_of
from mm_core.types import MONEY_E9, TradeState
from mm_research.from_events import EventRows
from mm_research.recording import Recording


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where a session stands, in base and quote, for display. `quotes` are the resting orders: (is a sell, price)."""

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


class Heard:
    """Hears every event of a log in its order."""

    def __init__(self, instrument: e.InstrumentDefined) -> None:
        self.first_ns = self.last_ns = 0  # local time of the first and the last root
        self.root_seq = 0
        self._instrument = instrument
        self._rows = EventRows()
        self._units = units_of(instrument)
        self._book: e.Book | None = None
        self._trading = TradeState.ACTIVE
        self._resting: dict[int, tuple[bool, int]] = {}
        self._orders = self._fills = 0

    def hear(self, event: e.Event) -> None:
        """Take the next event."""
        self._rows.hear(event)
        match event:
            case e.Root():
                self.last_ns, self.root_seq = event.local_ns, event.root_seq
                self.first_ns = self.first_ns or event.local_ns
            case e.Book():
                self._book = event
            case e.TradingState():
                self._trading = event.state
            case e.OrderEvent():
                self._on_order(event)
            case _:
                pass

    def _on_order(self, event: e.OrderEvent) -> None:
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
        return Recording(self._instrument, self._rows.messages(), self._rows.samples())

    def standing(self) -> Standing:
        """Where it stands now."""
        account, book, units = self._rows.account[0], self._book, self._units
        position_lots, realised_half = int(account["position_lots"]), int(account["realised_half"])
        total_half = int(account["cash_half"]) + position_lots * int(account["mid_half"])
        quote = float(units.value_e9) / 2 / MONEY_E9
        fees = int(account["fees_e9"]) / MONEY_E9
        tick = float(units.tick)
        return Standing(
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
            book_state=book.state.name if book else "SYNCING",
            trading_state=self._trading.name,
        )
