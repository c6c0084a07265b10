"""What the spread earned (QUANT 7), per UTC minute: quoted, effective and realised half-spreads, markouts censored.

The mid as of t is that of the last sample at or before t with a VALID book; a fill happens at its time at the venue.
Half-spreads are weighted by quantity and given in bps of the mid at the fill; a cost has a minus. A fill whose horizon
ends after the last sample is left out of that horizon's mean, and counted.
"""

import math

import numpy as np
import pyarrow as pa

from mm_core.messages import INTENT
from mm_core.types import NS_PER_S
from mm_research.arrow import decimals
from mm_research.exact import group_sums
from mm_research.recording import Array, Recording

HORIZONS_S = (1, 5, 60)
MINUTE_NS = 60 * NS_PER_S


def kpi_spread(recording: Recording) -> pa.Table:
    """One row a minute that has samples."""
    samples = recording.samples
    minutes, index = np.unique(samples["local_ns"] // MINUTE_NS, return_inverse=True)
    fill_minutes = np.searchsorted(minutes, recording.fills["ts_ns"] // MINUTE_NS).clip(max=max(len(minutes) - 1, 0))
    lots = recording.fills["qty_lots"]
    measures = Measures(recording)

    def mean_bps(half: Array) -> pa.Array:
        return _weighted(half / measures.mid_half * 1e4, lots, fill_minutes, len(minutes))

    spread = np.full(len(samples), math.nan)
    np.divide(
        2e4 * (samples["ask_ticks"] - samples["bid_ticks"]), recording.mid_half, out=spread, where=recording.has_mid
    )
    columns = {
        "ts_ns": minutes * MINUTE_NS,
        "valid_share": _weighted(recording.has_mid.astype(float), np.ones(len(samples)), index, len(minutes)),
        "market_spread_bps": _weighted(spread, np.ones(len(samples)), index, len(minutes)),
        "fills": np.bincount(fill_minutes, minlength=len(minutes)),
        "qty": decimals(group_sums(lots, fill_minutes, len(minutes)), recording.units.lot),
        "quoted_half_spread_bps": mean_bps(measures.quoted),
        "effective_half_spread_bps": mean_bps(measures.effective),
    }
    for horizon_s, realised in zip(HORIZONS_S, measures.realised, strict=True):
        columns[f"realised_half_spread_{horizon_s}s_bps"] = mean_bps(realised)
        columns[f"censored_{horizon_s}s"] = group_sums(np.isnan(realised).astype(np.int64), fill_minutes, len(minutes))
    return pa.table(columns)


class Measures:
    """Of each fill, in half-ticks, a gain above 0, NaN where unknown.

    `quoted`: distance from the mid when its order was decided; `effective`: from the mid at the fill; `realised`: from
    the mid one horizon later.
    """

    def __init__(self, recording: Recording) -> None:
        rows = recording.fills
        sign = np.where(rows["side"] == 0, 1, -1)
        at_ns, mids = recording.samples["local_ns"][recording.has_mid], recording.mid_half[recording.has_mid]
        end_ns = at_ns[-1] if len(at_ns) else 0

        def earned(ts_ns: Array, price_ticks: Array) -> Array:
            return np.where(ts_ns <= end_ns, sign * (_as_of(at_ns, mids, ts_ns) - 2 * price_ticks), math.nan)

        self.mid_half = _as_of(at_ns, mids, rows["ts_ns"])
        # The last fills may come after the last sample: for them its mid is the last one known.
        self.effective = sign * (self.mid_half - 2 * rows["price_ticks"])
        self.quoted = earned(_decided_ns(recording), rows["price_ticks"])
        self.realised = [earned(rows["ts_ns"] + s * NS_PER_S, rows["price_ticks"]) for s in HORIZONS_S]

    def captured_pct(self, lots: Array) -> dict[str, float | None]:
        """Share of the quoted half-spread that was earned, by horizon in s (0: at the fill); null where undefined."""
        by_horizon = dict(zip((0, *HORIZONS_S), (self.effective, *self.realised), strict=True))
        return {f"{horizon_s}s": self._share(half, lots) for horizon_s, half in by_horizon.items()}

    def _share(self, half: Array, lots: Array) -> float | None:
        known = ~(np.isnan(half) | np.isnan(self.quoted))
        quoted = float(np.sum((lots * self.quoted)[known]))
        return 100.0 * float(np.sum((lots * half)[known])) / quoted if quoted else None


def _decided_ns(recording: Recording) -> Array:
    """When the order of each fill was decided."""
    wanted = recording.messages[recording.messages["kind"] == INTENT]
    at = np.searchsorted(wanted["order_id"], recording.fills["order_id"])
    decided_ns: Array = wanted["ts_ns"][at]
    return decided_ns


def _as_of(at_ns: Array, mids: Array, ts_ns: Array) -> Array:
    """The last mid at or before each time, NaN before the first."""
    at = np.searchsorted(at_ns, ts_ns, side="right") - 1
    if not len(mids):
        return np.full(len(ts_ns), math.nan)
    return np.where(at >= 0, mids[at], math.nan)


def _weighted(values: Array, weights: Array, index: Array, count: int) -> pa.Array:
    """Weighted mean of the known values of each group, null where it has none."""
    known = ~np.isnan(values)
    sums = np.bincount(index[known], (values * weights)[known], count)
    totals = np.bincount(index[known], weights[known].astype(float), count)
    means = np.divide(sums, totals, out=np.full(count, math.nan), where=totals > 0)
    return pa.array(means, from_pandas=True)
