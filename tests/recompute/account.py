"""Position, cash, fees and the split of the result, and what the spread earned; all in integers until shown."""

from bisect import bisect_right
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from tests.recompute.venue import Answer

HORIZONS_NS = {"0s": 0, "0.1s": 10**8, "1s": 10**9, "5s": 5 * 10**9, "60s": 60 * 10**9}


class AccountState(NamedTuple):
    """The account after a fill, in 1e-9 of the quote."""

    position_lots: int
    average_price_ticks: float
    realised_e9: int
    unrealised_e9: int
    fees_e9: int
    spread_e9: int
    inventory_e9: int


class Account:
    """Half-ticks x lots; the mid is that of the last proven book."""

    def __init__(self, value_e9: Fraction) -> None:
        self.position_lots = self.mid_half = 0
        self._cash = self._cost = self._realised = self._spread = self._fees_e9 = 0
        self._value_e9 = value_e9

    def mark(self, mid_half: int) -> None:
        """A new mid; 0 is none."""
        self.mid_half = mid_half or self.mid_half

    def fill(self, fill: Answer) -> AccountState:
        """Book a fill: what it closes is realised against the average cost, rounded half to even."""
        lots = -fill.lots if fill.side else fill.lots
        price = 2 * fill.price_ticks
        self.mid_half = self.mid_half or fill.mid_half or price
        self._spread += lots * ((fill.mid_half or self.mid_half) - price)
        closed = 0
        if self.position_lots * lots < 0:
            closed = min(abs(lots), abs(self.position_lots)) * (1 if lots > 0 else -1)
            cost = round(Fraction(self._cost * abs(closed), abs(self.position_lots)))
            self._realised += -closed * price - cost
            self._cost -= cost
        self._cost += (lots - closed) * price
        self.position_lots += lots
        self._cash -= lots * price
        self._fees_e9 += fill.fee_e9
        return self._state()

    @property
    def _total(self) -> int:
        return self._cash + self.position_lots * self.mid_half

    def _state(self) -> AccountState:
        total, realised, spread = (
            round(each * self._value_e9 / 2) for each in (self._total, self._realised, self._spread)
        )
        average = self._cost / 2 / self.position_lots if self.position_lots else 0.0
        fees = self._fees_e9
        return AccountState(self.position_lots, average, realised, total - realised, fees, spread, total - spread)

    def result(self) -> dict[str, float]:
        """The result in the quote; `total` is after fees."""
        value = self._value_e9 / 2 / 10**9
        parts = {
            "realised": self._realised,
            "unrealised": self._total - self._realised,
            "spread": self._spread,
            "inventory": self._total - self._spread,
        }
        total, fees = float(self._total * value - Fraction(self._fees_e9, 10**9)), self._fees_e9 / 10**9
        return {"total": total, **{name: float(each * value) for name, each in parts.items()}, "fees": fees}


def captured_pct(
    fills: Sequence[Answer], quoted_half: dict[int, int], times: list[int], mids: list[int], end_ns: int
) -> dict[str, float | None]:
    """Share of the quoted half-spread that fills earned, by horizon, weighted by lots; null where undefined.

    The mid is the venue's: just before the fill at 0 s, else as of the horizon. A horizon beyond the end of the market
    data is left out.
    """
    shares: dict[str, float | None] = {}
    for name, horizon_ns in HORIZONS_NS.items():
        earned = quoted = 0
        for fill in fills:
            at_ns = fill.ts_ns + horizon_ns
            if not times or at_ns > end_ns:
                continue
            mid_half = mids[bisect_right(times, at_ns) - 1] if horizon_ns else fill.mid_half
            sign = -1 if fill.side else 1
            earned += fill.lots * sign * (mid_half - 2 * fill.price_ticks)
            quoted += fill.lots * quoted_half[fill.order_id]
        shares[name] = 100.0 * earned / quoted if quoted else None
    return shares
