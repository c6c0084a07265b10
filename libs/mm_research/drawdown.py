"""The largest drawdown of a run from its recording: what the accountant's state holds at its end."""

import numpy as np

from mm_core.accounting.money import EXACT_MAX
from mm_core.types import MONEY_E9
from mm_research.exact import exact_difference, sum_products, to_whole
from mm_research.recording import Array, Recording


class Drawdown:
    """Takes the segments of a run: how far the result after fees was at most below its peak, which starts at 0."""

    def __init__(self) -> None:
        self._peak_e9 = self._largest_e9 = 0
        self._first_mid_half = 0  # what the first fill brings, until there is a mid

    def take(self, segment: Recording) -> None:
        """Take the next segment."""
        totals_half, fees_e9 = self._results(segment)
        value_e9 = segment.units.value_e9 / 2
        result_e9 = exact_difference(to_whole(totals_half, value_e9), fees_e9)
        if self._peak_e9 > EXACT_MAX:
            result_e9 = result_e9.astype(object)
        peak_e9 = np.maximum.accumulate(np.maximum(result_e9, self._peak_e9))
        if len(peak_e9):
            self._largest_e9 = max(self._largest_e9, int(exact_difference(peak_e9, result_e9).max()))
            self._peak_e9 = int(peak_e9[-1])

    def largest(self) -> float:
        """In the quote."""
        return self._largest_e9 / MONEY_E9

    def _results(self, segment: Recording) -> tuple[Array, Array]:
        """(result before fees, fees) at every sample and after every fill, in the order of the log."""
        samples, fills, before = segment.samples, segment.fills, segment.before
        lots, numbers = segment.signed_lots, before.fills + np.arange(len(fills))
        # Each sum is the account's cash, which fits.
        cash_half = before.cash_half + np.cumsum(-2 * fills["price_ticks"] * lots)
        mids_half = self._mid_half(segment, numbers)
        after_fills = sum_products(cash_half, before.position_lots + np.cumsum(lots), mids_half)
        totals_half = np.concatenate([segment.total_half, after_fills])
        fees_e9 = np.concatenate([samples["fees_e9"], before.fees_e9 + np.cumsum(fills["fee_e9"])])
        order = np.argsort(np.concatenate([2 * samples["fills"], 2 * numbers + 1]), kind="stable")
        return totals_half[order], fees_e9[order]

    def _mid_half(self, segment: Recording, numbers: Array) -> Array:
        """The mid of the account at each fill: of the last sample before it, else what the first fill brings."""
        if not len(numbers):
            return numbers
        at = np.searchsorted(segment.samples["fills"], numbers, side="right") - 1
        mids = np.append(segment.mid_half, segment.before.mid_half)[at]  # -1 is before the first sample
        first = segment.fills[0]
        self._first_mid_half = self._first_mid_half or int(first["mid_half_ticks"] or 2 * first["price_ticks"])
        return np.where(mids == 0, self._first_mid_half, mids)


def drawdown_max(recording: Recording) -> float:
    """That of a recording in one piece, in the quote."""
    drawdown = Drawdown()
    drawdown.take(recording)
    return drawdown.largest()
