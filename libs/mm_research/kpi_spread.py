"""What the spread earned, in all and per UTC minute. Every figure with its formula: docs/figures.md.

One reference: the venue's mid in exchange time, from the finest book there is. The mid at a fill is the one just before
it; the mid a horizon later is the last one at or before that time. Half-spreads are weighted by quantity and given in
bps of the mid at the fill; a cost has a minus. A fill whose horizon ends after the market data is left out of that
horizon's figures, and counted.
"""

import math

import numpy as np
import pyarrow as pa

from mm_core.messages import INTENT
from mm_core.types import NS_PER_S, TimeInForce
from mm_research.arrow import decimals
from mm_research.exact import group_sums
from mm_research.recording import Array, Recording

HORIZONS_NS = {"0.1s": NS_PER_S // 10, "1s": NS_PER_S, "5s": 5 * NS_PER_S, "60s": 60 * NS_PER_S}
MINUTE_NS = 60 * NS_PER_S


def kpi_spread(recording: Recording) -> pa.Table:
    """One row a minute that has samples or fills."""
    samples, fills, measures = recording.samples, recording.fills, Measures(recording)
    minutes = np.unique(np.concatenate([samples["local_ns"], fills["ts_ns"]]) // MINUTE_NS)
    sample_minutes, fill_minutes = (
        np.searchsorted(minutes, times // MINUTE_NS) for times in (samples["local_ns"], fills["ts_ns"])
    )
    each_sample = np.ones(len(samples))

    def mean_bps(half: Array) -> pa.Array:
        return _means(measures.bps(half), measures.lots, fill_minutes, len(minutes))

    spread = np.full(len(samples), math.nan)
    np.divide(
        2e4 * (samples["ask_ticks"] - samples["bid_ticks"]), recording.mid_half, out=spread, where=recording.has_mid
    )
    columns = {
        "ts_ns": minutes * MINUTE_NS,
        "valid_share": _means(recording.has_mid.astype(float), each_sample, sample_minutes, len(minutes)),
        "market_spread_bps": _means(spread, each_sample, sample_minutes, len(minutes)),
        "fills": np.bincount(fill_minutes, minlength=len(minutes)),
        "qty": decimals(group_sums(measures.lots, fill_minutes, len(minutes)), recording.units.lot),
        "quoted_half_spread_bps": mean_bps(measures.quoted),
        "effective_half_spread_bps": mean_bps(measures.effective),
    }
    for horizon, realised in measures.realised.items():
        columns[f"realised_half_spread_{horizon}_bps"] = mean_bps(realised)
        columns[f"adverse_selection_{horizon}_bps"] = mean_bps(measures.effective - realised)
        is_censored = np.isnan(realised).astype(np.int64)
        columns[f"censored_{horizon}"] = group_sums(is_censored, fill_minutes, len(minutes))
    return pa.table(columns)


class Measures:
    """Of each fill, in half-ticks, a gain above 0, NaN where unknown; `lots` are the weights.

    `quoted`: distance of its order's price from the mid of the Book that the order was decided on; NaN for an order
    that may only take (IOC), which quotes nothing. `effective`: of the fill's price from the mid just before it.
    `realised`: the same from the mid one horizon later.
    """

    def __init__(self, recording: Recording) -> None:
        rows = recording.fills
        self.lots: Array = rows["qty_lots"]
        sign = np.where(rows["side"] == 0, 1, -1)
        self._mid_half = np.where(rows["mid_half"] != 0, rows["mid_half"], math.nan)
        self.quoted = sign * _quoted_half(recording)
        self.effective: Array = sign * (self._mid_half - 2 * rows["price_ticks"])
        self.realised: dict[str, Array] = {
            horizon: sign * (recording.mids.as_of(rows["ts_ns"] + after_ns) - 2 * rows["price_ticks"])
            for horizon, after_ns in HORIZONS_NS.items()
        }

    def bps(self, half: Array) -> Array:
        """Half-ticks of each fill in bps of the mid just before it."""
        shares: Array = half / self._mid_half * 1e4
        return shares

    def captured_pct(self) -> dict[str, float | None]:
        """Share of the quoted half-spread that was earned, by horizon (0s: at the fill); null where undefined."""
        return {horizon: self._captured(half) for horizon, half in {"0s": self.effective, **self.realised}.items()}

    def half_spread_bps(self) -> dict[str, float | dict[str, float | None] | None]:
        """Quoted, effective, realised and adverse selection of all fills."""
        realised = {horizon: self._mean_bps(half) for horizon, half in self.realised.items()}
        lost = {horizon: self._mean_bps(self.effective - half) for horizon, half in self.realised.items()}
        quoted, effective = self._mean_bps(self.quoted), self._mean_bps(self.effective)
        return {"quoted": quoted, "effective": effective, "realised": realised, "adverse_selection": lost}

    def censored(self) -> dict[str, int]:
        """Fills whose horizon ends after the market data."""
        return {horizon: int(np.count_nonzero(np.isnan(half))) for horizon, half in self.realised.items()}

    def _captured(self, half: Array) -> float | None:
        known = ~(np.isnan(half) | np.isnan(self.quoted))
        quoted = float(np.sum((self.lots * self.quoted)[known]))
        return 100.0 * float(np.sum((self.lots * half)[known])) / quoted if quoted else None

    def _mean_bps(self, half: Array) -> float | None:
        mean: float | None = _means(self.bps(half), self.lots, np.zeros(len(half), np.int64), 1)[0].as_py()
        return mean


def _quoted_half(recording: Recording) -> Array:
    """Mid of the Book that the order of each fill was decided on, less twice the order's price; NaN where unknown."""
    wanted = recording.messages[recording.messages["kind"] == INTENT]
    wanted = wanted[np.searchsorted(wanted["order_id"], recording.fills["order_id"])]
    known = (wanted["mid_half"] != 0) & (wanted["flag"] != TimeInForce.IOC)
    half: Array = np.where(known, wanted["mid_half"] - 2 * wanted["price_ticks"], math.nan)
    return half


def _means(values: Array, weights: Array, index: Array, count: int) -> pa.Array:
    """Weighted mean of the known values of each group, null where it has none."""
    known = ~np.isnan(values)
    sums = np.bincount(index[known], (values * weights)[known], count)
    totals = np.bincount(index[known], weights[known].astype(float), count)
    means = np.divide(sums, totals, out=np.full(count, math.nan), where=totals > 0)
    return pa.array(means, from_pandas=True)
