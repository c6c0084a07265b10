"""Generated markets: hypothesis draws moves, these turn them into root events that any venue could send."""

from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from mm_core.events import (
    BookDelta,
    BookSnapshot,
    BookTop,
    FeedStatus,
    InstrumentDefined,
    RootEvent,
    Trade,
)
from mm_core.setup.config import Config, to_config
from mm_core.types import BookState, Side

MS = 1_000_000
START_NS = 1_700_000_000_000_000_000
MID_TICKS = 1_000
FAR_TICKS = 400  # outside the window of a small book
INSTRUMENT = InstrumentDefined(
    instrument_id="binance.TEST", ts_ns=0, venue_symbol="TEST", tick_size="0.01", lot_size="0.001"
)
MOVES = ("trade",) * 3 + ("delta",) * 4 + ("top",) * 3 + ("far", "empty", "snapshot", "status")

move = st.tuples(
    st.sampled_from(MOVES),
    # Mostly round times: requests then arrive, and Ticks fall, at the very time of an event.
    st.sampled_from([0, 0, 1, 9, 10, 10, 40, 50, 90, 100, 160]),  # ms of exchange time that pass
    st.sampled_from([-60, -1, 0, 0, 0, 5, 10, 50, 120]),  # ms from exchange time to reception
    st.lists(st.tuples(st.integers(-4, 4), st.integers(0, 12)), max_size=5),  # (ticks from the touch, lots)
    st.integers(0, 7),
)
moves = st.lists(move, min_size=1, max_size=60)


class Market:
    """Turns moves into events; the mid walks with the first level of each move."""

    def __init__(self) -> None:
        self._mid_ticks = MID_TICKS
        self._ns = START_NS
        self._id = 0
        self._epoch = 1

    def events(self, drawn: list[Any]) -> list[RootEvent]:
        """A snapshot and its proof, then the moves."""
        opening: list[RootEvent] = [self._snapshot(self._times(0)), self._status(self._times(0), BookState.VALID)]
        return [*opening, *[self._event(*each) for each in drawn]]

    def _times(self, delay_ms: int, late_ms: int = 0) -> dict[str, Any]:
        ts_ns = self._ns - late_ms * MS
        return {"instrument_id": INSTRUMENT.instrument_id, "ts_ns": ts_ns, "recv_ns": self._ns + delay_ms * MS}

    def _event(self, kind: str, passed_ms: int, delay_ms: int, levels: list[tuple[int, int]], choice: int) -> RootEvent:
        self._ns += passed_ms * MS
        self._id += 1
        if levels and choice < 4:
            self._mid_ticks += max(-1, min(1, levels[0][0]))
        times = self._times(delay_ms, late_ms=50 if kind == "trade" and choice == 7 else 0)
        match kind:
            case "trade":
                offset, lots = levels[0] if levels else (0, 1)
                price_ticks, side = self._mid_ticks + offset, Side(choice % 2)
                return Trade(**times, trade_id=self._id, side=side, price_ticks=price_ticks, qty_lots=lots + 1)
            case "snapshot":
                return self._snapshot(times)
            case "status":
                self._epoch += choice == 2
                # Now and then what is known ends right behind the touch, and the market leaves it.
                low_ticks = self._mid_ticks - 2 if choice == 5 else 1
                return self._status(times, BookState(choice % 4), low_ticks)
            case "top":
                return self._top(times, choice, levels)
        return self._delta(times, [] if kind == "empty" else levels, FAR_TICKS if kind == "far" else 0)

    def _top(self, times: dict[str, Any], choice: int, levels: list[tuple[int, int]]) -> BookTop:
        """The touch, moved by the first level; some are older than the depth, some newer than what comes next."""
        offset, lots = levels[0] if levels else (0, 5)
        return BookTop(
            **times,
            update_id=self._id + (choice - 3),
            bid_ticks=self._mid_ticks - 1 + offset,
            bid_lots=lots,
            ask_ticks=self._mid_ticks + 1 + max(offset, 0),
            ask_lots=5 + choice,
        )

    def _delta(self, times: dict[str, Any], levels: list[tuple[int, int]], far_ticks: int) -> BookDelta:
        bids = [(self._mid_ticks - 1 - far_ticks + offset, lots) for offset, lots in levels[::2]]
        asks = [(self._mid_ticks + 1 + far_ticks + offset, lots) for offset, lots in levels[1::2]]
        return BookDelta(**times, first_update_id=self._id, update_id=self._id, **_sides(bids, asks))

    def _snapshot(self, times: dict[str, Any]) -> BookSnapshot:
        bids = [(self._mid_ticks - 1 - i, 5 + i) for i in range(6)]
        asks = [(self._mid_ticks + 1 + i, 5 + i) for i in range(6)]
        return BookSnapshot(**times, update_id=self._id, **_sides(bids, asks))

    def _status(self, times: dict[str, Any], state: BookState, low_ticks: int = 1) -> FeedStatus:
        window: dict[str, Any] = {"complete_low_ticks": low_ticks, "complete_high_ticks": 2_000}
        return FeedStatus(**times, state=state, epoch=self._epoch, **window)


def _sides(bids: list[tuple[int, int]], asks: list[tuple[int, int]]) -> dict[str, Any]:
    return {
        "bid_ticks": tuple(ticks for ticks, _ in bids),
        "bid_lots": tuple(lots for _, lots in bids),
        "ask_ticks": tuple(ticks for ticks, _ in asks),
        "ask_lots": tuple(lots for _, lots in asks),
    }


latencies_ms = st.sampled_from([Decimal(0), Decimal("0.5"), Decimal(10), Decimal(100), Decimal(250)])


RISKS: list[dict[str, Any]] = [
    {},
    {"order_max_base": Decimal("0.003"), "position_max_base": Decimal("0.010")},
    {"fills_per_window_max": 2, "orders_per_window_max": 6},
    {"fills_per_window_max": 1, "rate_halt_s": Decimal("0.5")},
    {"loss_session_max_quote": Decimal("0.0001"), "collar_bps": 30.0},
]


@st.composite
def configs(draw: st.DrawFn) -> Config:
    """Configurations that quote near the touch, with or without limits that bind."""
    sections: dict[str, Any] = {
        "book": {
            "decide_on": draw(st.sampled_from(["tick", "touch", "top"])),
            "stale_ms": draw(st.sampled_from([0, 300])),
        },
        "signals": {
            "volatility_sample_ms": 200,
            "volatility_half_life_s": 0.5,
            "ofi_window_ms": 500,
            "executable_sizes_base": draw(st.sampled_from([(), (Decimal("0.002"), Decimal("0.02"))])),
        },
        "quoter": {
            "strategy": draw(st.sampled_from(["fixed_spread", "avellaneda_stoikov"])),
            "order_qty_base": Decimal("0.004"),
            "levels": draw(st.integers(1, 3)),
            "join_only": draw(st.booleans()),
            "position_max_base": Decimal("0.020"),
            "inventory_skew_ticks": draw(st.sampled_from([0.0, 0.5])),
            "cancel_pending": draw(st.booleans()),
        },
        "fixed_spread": {"half_spread_ticks": draw(st.sampled_from([0.5, 1.0, 2.5]))},
        "avellaneda_stoikov": {
            "gamma_per_tick": 0.1,
            "k_per_tick": 0.8,
            "volatility_ticks_sqrt_s": draw(st.sampled_from([0.0, 1.5])),
        },
        "risk": draw(st.sampled_from(RISKS)),
        "exchange": {
            "entry_ms": draw(latencies_ms),
            "cancel_ms": draw(latencies_ms),
            "response_ms": draw(latencies_ms),
            "queue": draw(st.sampled_from(["risk_averse", "power_prob:3", "log_prob"])),
            "partial_fills": draw(st.booleans()),
            "venue_top": draw(st.booleans()),
            "maker_fee": draw(st.sampled_from([Decimal("0.0002"), Decimal("-0.0001")])),
        },
    }
    return to_config(sections)
