"""What a run leaves: messages of the log and a sample a decision, with the digests and the exact result in them.

A backtest and a paper session make the same two arrays, so that everything read from them is the same code.
"""

import hashlib
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from mm_core.events import InstrumentDefined
from mm_core.messages import FILLED, INTENT, SUBMIT
from mm_core.setup.units import Units, units_of
from mm_core.types import MONEY_E9, BookState
from mm_research.exact import exact_products, exact_sum, sum_products
from mm_research.venue_mids import NO_MIDS, Mids

Array = np.ndarray[Any, np.dtype[Any]]

POSITION_FIELDS = ("local_ns", "position_lots", "cash_half", "fees_e9")


def _no_mids() -> Mids:
    return NO_MIDS


class Recording:
    """The messages (MESSAGE) of a run in log order and its samples (SAMPLE), one a decision.

    `find_mids` finds the venue's mids, once and only if a figure needs them. The last sample is the close:
    AssertionError if its account is not what all fills make of it, or if the split is not exact at every sample.
    """

    def __init__(
        self,
        instrument: InstrumentDefined,
        messages: Array,
        samples: Array,
        find_mids: Callable[[], Mids] = _no_mids,
    ) -> None:
        self.instrument = instrument
        self.messages = messages
        self.samples = samples
        self._find_mids = find_mids
        self._check_account()
        self._check_split()

    @cached_property
    def units(self) -> Units:
        """Tick and lot."""
        return units_of(self.instrument)

    @cached_property
    def fills(self) -> Array:
        """The messages that are fills."""
        filled: Array = self.messages[self.messages["kind"] == FILLED]
        return filled

    @cached_property
    def mids(self) -> Mids:
        """The venue's mids in exchange time."""
        found = self._find_mids()
        self._find_mids = _no_mids  # let go of the market data that it holds
        return found

    @property
    def order_count(self) -> int:
        """Orders that risk let through."""
        return int(np.count_nonzero(self.messages["kind"] == SUBMIT))

    @property
    def intent_count(self) -> int:
        """Orders that the quoter wanted."""
        return int(np.count_nonzero(self.messages["kind"] == INTENT))

    @cached_property
    def signed_lots(self) -> Array:
        """Lots of each fill, below 0 for sells."""
        lots: Array = np.where(self.fills["side"] == 0, self.fills["qty_lots"], -self.fills["qty_lots"])
        return lots

    @cached_property
    def has_mid(self) -> Array:
        """Samples whose book was VALID with both sides: those that mark the account."""
        rows = self.samples
        valid: Array = (rows["state"] == BookState.VALID) & (rows["bid_lots"] > 0) & (rows["ask_lots"] > 0)
        return valid

    @cached_property
    def mid_half(self) -> Array:
        """The mid that marks the account at each sample, in half-ticks: the last valid one, 0 before the first."""
        last = np.maximum.accumulate(np.where(self.has_mid, np.arange(len(self.samples)), -1))
        mids = self.samples["bid_ticks"] + self.samples["ask_ticks"]
        return np.where(last >= 0, mids[last], 0)

    @cached_property
    def total_half(self) -> Array:
        """Result before fees at each sample: cash and position at the mid, in half-ticks x lots."""
        return sum_products(self.samples["cash_half"], self.samples["position_lots"], self.mid_half)

    def _check_account(self) -> None:
        """Position, cash and fees of the last sample are those of all fills."""
        price_half = 2 * self.fills["price_ticks"]
        totals = {
            "position_lots": exact_sum(self.signed_lots),
            "cash_half": -exact_sum(exact_products(price_half, self.signed_lots)),
            "fees_e9": exact_sum(self.fills["fee_e9"]),
        }
        for name, total in totals.items():
            last = int(self.samples[name][-1]) if len(self.samples) else 0
            assert total == last, f"{name} of the last sample is not that of the fills"

    def _check_split(self) -> None:
        """Total = spread + inventory at every sample; where the position is flat, all of it is realised."""
        rows = self.samples
        split = sum_products(rows["spread_half"], rows["inventory_half"], np.ones(len(rows), np.int64))
        assert np.array_equal(split, self.total_half), "spread + inventory is not the total"
        flat = rows["position_lots"] == 0
        assert np.array_equal(rows["realised_half"][flat], rows["cash_half"][flat]), "flat, but not all is realised"

    def digests(self) -> dict[str, str]:
        """SHA-256 of the messages but the fills, of the fills, and of POSITION_FIELDS of the samples."""
        positions = np.column_stack([self.samples[name] for name in POSITION_FIELDS])
        parts = {
            "orders": self.messages[self.messages["kind"] != FILLED],
            "fills": self.fills,
            "positions": positions.astype("<i8"),
        }
        return {name: hashlib.sha256(part.tobytes()).hexdigest() for name, part in parts.items()}

    def result(self) -> dict[str, float]:
        """The result at the end and its split (see `tables.pnl`), in the quote."""
        if not len(self.samples):
            return dict.fromkeys(("total", "realised", "unrealised", "fees", "spread", "inventory"), 0.0)
        last, total_half = self.samples[-1], int(self.total_half[-1])
        half = {
            "realised": int(last["realised_half"]),
            "unrealised": total_half - int(last["realised_half"]),
            "spread": int(last["spread_half"]),
            "inventory": int(last["inventory_half"]),
        }
        value_e9 = self.units.value_e9 / 2
        fees_e9 = int(last["fees_e9"])
        total = float((total_half * value_e9 - fees_e9) / MONEY_E9)
        parts = {name: float(count * value_e9 / MONEY_E9) for name, count in half.items()}
        return {"total": total, **parts, "fees": fees_e9 / MONEY_E9}

    def position(self) -> float:
        """Position at the end, base."""
        return float(int(self.samples["position_lots"][-1]) * self.units.lot) if len(self.samples) else 0.0
