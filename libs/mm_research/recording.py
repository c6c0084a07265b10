"""What a run records: messages of the log and a sample a decision, with the digests and the exact result in them.

A backtest and a paper session make the same two arrays, so that everything read from them is the same code. A long
session makes them in segments, each of which begins where the one before ended: what reads them takes one after the
other, and a run in one piece is a session of one segment.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import msgspec
import numpy as np

from mm_core.events import InstrumentDefined
from mm_core.messages import FILLED, INTENT, SUBMIT
from mm_core.setup.units import Units, units_of
from mm_core.types import MONEY_E9, BookState
from mm_research.digests import Digests
from mm_research.exact import exact_products, exact_sum, sum_products
from mm_research.venue_mids import NO_MIDS, Mids

Array = np.ndarray[Any, np.dtype[Any]]

RESULT = ("total", "realised", "unrealised", "fees", "spread", "inventory")


def _no_mids() -> Mids:
    return NO_MIDS


def has_mid_of(samples: Array) -> Array:
    """Samples whose book was VALID with both sides."""
    valid: Array = (samples["state"] == BookState.VALID) & (samples["bid_lots"] > 0) & (samples["ask_lots"] > 0)
    return valid


class Before(msgspec.Struct, frozen=True, kw_only=True):
    """What the segments before one lead to: the account that their fills make, its mid, and their last sample's."""

    fills: int = 0
    position_lots: int = 0
    cash_half: int = 0
    fees_e9: int = 0
    mid_half: int = 0
    sampled: tuple[int, int, int] = (0, 0, 0)  # position, cash and fees of the last sample


START = Before()


class Recording:
    """The messages (MESSAGE) of a run in log order and its samples (SAMPLE), one a decision; or a segment of both.

    `find_mids` finds the venue's mids, once and only if a figure needs them. The last sample of the last segment is
    the close: AssertionError if its account is not what all fills make of it, or if the split is not exact at every
    sample.
    """

    def __init__(
        self,
        instrument: InstrumentDefined,
        messages: Array,
        samples: Array,
        find_mids: Callable[[], Mids] = _no_mids,
        *,
        before: Before = START,
        is_last: bool = True,
    ) -> None:
        self.instrument = instrument
        self.messages = messages
        self.samples = samples
        self.before = before
        self.is_last = is_last
        self._find_mids = find_mids
        if is_last:
            self._check_account()
        self._check_split()

    @cached_property
    def after(self) -> Before:
        """What the next segment begins with."""
        before, samples = self.before, self.samples
        last = samples[-1] if len(samples) else None
        return Before(
            fills=before.fills + len(self.fills),
            position_lots=before.position_lots + exact_sum(self.signed_lots),
            cash_half=before.cash_half - exact_sum(exact_products(2 * self.fills["price_ticks"], self.signed_lots)),
            fees_e9=before.fees_e9 + exact_sum(self.fills["fee_e9"]),
            mid_half=before.mid_half if last is None else int(self.mid_half[-1]),
            sampled=before.sampled
            if last is None
            else (int(last["position_lots"]), int(last["cash_half"]), int(last["fees_e9"])),
        )

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
        self._find_mids = _no_mids  # release the market data that it holds
        return found

    @property
    def order_count(self) -> int:
        """Orders that risk let through."""
        return int(np.count_nonzero(self.messages["kind"] == SUBMIT))

    @property
    def intent_count(self) -> int:
        """Orders that the quoter intended."""
        return int(np.count_nonzero(self.messages["kind"] == INTENT))

    @cached_property
    def signed_lots(self) -> Array:
        """Lots of each fill, below 0 for sells."""
        lots: Array = np.where(self.fills["side"] == 0, self.fills["qty_lots"], -self.fills["qty_lots"])
        return lots

    @cached_property
    def has_mid(self) -> Array:
        """Samples whose book was VALID with both sides: those that mark the account."""
        return has_mid_of(self.samples)

    @cached_property
    def mid_half(self) -> Array:
        """The mid that marks the account at each sample, in half-ticks: the last valid one, 0 before the first."""
        last = np.maximum.accumulate(np.where(self.has_mid, np.arange(len(self.samples)), -1))
        mids = self.samples["bid_ticks"] + self.samples["ask_ticks"]
        return np.where(last >= 0, mids[last], self.before.mid_half)

    @cached_property
    def total_half(self) -> Array:
        """Result before fees at each sample: cash and position at the mid, in half-ticks x lots."""
        return sum_products(self.samples["cash_half"], self.samples["position_lots"], self.mid_half)

    def _check_account(self) -> None:
        """Position, cash and fees of the last sample are those of all fills."""
        for name, last in zip(("position_lots", "cash_half", "fees_e9"), self.after.sampled, strict=True):
            assert getattr(self.after, name) == last, f"{name} of the last sample is not that of the fills"

    def _check_split(self) -> None:
        """Total = spread + inventory at every sample; where the position is flat, all of it is realised."""
        rows = self.samples
        split = sum_products(rows["spread_half"], rows["inventory_half"], np.ones(len(rows), np.int64))
        assert np.array_equal(split, self.total_half), "spread + inventory is not the total"
        flat = rows["position_lots"] == 0
        assert np.array_equal(rows["realised_half"][flat], rows["cash_half"][flat]), "flat, but not all is realised"

    def digests(self) -> dict[str, str]:
        """Those of this recording alone: see `Digests`."""
        digests = Digests()
        digests.take(self.messages, self.samples)
        return digests.texts()

    def result(self) -> dict[str, float]:
        """The result at the end and its split (see `tables.pnl`), in the quote."""
        if not len(self.samples):
            return dict.fromkeys(RESULT, 0.0)
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
