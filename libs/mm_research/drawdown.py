"""The largest drawdown of a run from its recording: what the accountant's state holds at its end."""

import numpy as np

from mm_core.types import MONEY_E9
from mm_research.exact import exact_difference, sum_products, to_whole
from mm_research.recording import Array, Recording


def drawdown_max(recording: Recording) -> float:
    """How far the result after fees was at most below its peak, which starts at 0, in the quote."""
    totals_half, fees_e9 = _results(recording)
    value_e9 = recording.units.value_e9 / 2
    result_e9 = exact_difference(to_whole(totals_half, value_e9), fees_e9)
    peak_e9 = np.maximum.accumulate(np.maximum(result_e9, 0))
    return int(exact_difference(peak_e9, result_e9).max(initial=0)) / MONEY_E9


def _results(recording: Recording) -> tuple[Array, Array]:
    """(result before fees, fees) at every sample and after every fill, in the order of the log."""
    samples, fills = recording.samples, recording.fills
    lots, numbers = recording.signed_lots, np.arange(len(fills))
    cash_half = np.cumsum(-2 * fills["price_ticks"] * lots)  # each sum is the account's cash, which fits
    after_fills = sum_products(cash_half, np.cumsum(lots), _mid_half(recording, numbers))
    totals_half = np.concatenate([recording.total_half, after_fills])
    fees_e9 = np.concatenate([samples["fees_e9"], np.cumsum(fills["fee_e9"])])
    order = np.argsort(np.concatenate([2 * samples["fills"], 2 * numbers + 1]), kind="stable")
    return totals_half[order], fees_e9[order]


def _mid_half(recording: Recording, numbers: Array) -> Array:
    """The mid of the account at each fill: of the last sample before it, else what the first fill brings."""
    if not len(numbers):
        return numbers
    at = np.searchsorted(recording.samples["fills"], numbers, side="right") - 1
    mids = np.append(recording.mid_half, 0)[at]  # -1 is before the first sample
    first = recording.fills[0]
    return np.where(mids == 0, first["mid_half"] or 2 * first["price_ticks"], mids)
