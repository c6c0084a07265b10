"""What each fill earned of what its order quoted: docs/figures.md has the formulas.

One reference: the venue's mid in exchange time, from the finest book there is. The mid at a fill is the one just before
it; the mid a horizon later is the last one at or before that time. Half-spreads are weighted by quantity and given in
bps of the mid at the fill; a cost has a minus. A fill whose horizon ends after the market data is left out of that
horizon's figures, and counted.
"""

import math

import numpy as np

from mm_core.events.records import MESSAGE
from mm_core.messages import CANCELED, DENIED, EXPIRED, FILLED, INTENT, REJECTED
from mm_core.types import NS_PER_S, TimeInForce
from mm_research.recording import Array, Recording
from mm_research.venue_mids import NO_MIDS, Mids

HORIZONS_NS = {"0.1s": NS_PER_S // 10, "1s": NS_PER_S, "5s": 5 * NS_PER_S, "60s": 60 * NS_PER_S}
LAST_NS = max(HORIZONS_NS.values())
_WAITING = np.dtype(
    [
        ("ts_ns", "i8"),
        ("lots", "i8"),
        ("price_ticks", "i8"),
        ("sign", "i8"),
        ("quoted", "f8"),
        ("mid_half", "f8"),
    ]
)


class Measures:
    """Of some fills, in half-ticks, a gain above 0, NaN where unknown; `lots` are the weights.

    `quoted`: distance of its order's price from the mid of the Book that the order was decided on; NaN for an order
    that may only take (IOC), which quotes nothing. `effective`: of the fill's price from the mid just before it.
    `realised`: the same from the mid one horizon later.
    """

    def __init__(self, fills: Array, mids: Mids) -> None:
        self.ts_ns: Array = fills["ts_ns"]
        self.lots: Array = fills["lots"]
        self.quoted: Array = fills["quoted"]
        self._mid_half: Array = fills["mid_half"]
        sign, price_half = fills["sign"], 2 * fills["price_ticks"]
        self.effective: Array = sign * (self._mid_half - price_half)
        self.realised: dict[str, Array] = {
            horizon: sign * (mids.as_of(fills["ts_ns"] + after_ns) - price_half)
            for horizon, after_ns in HORIZONS_NS.items()
        }

    def bps(self, half: Array) -> Array:
        """Half-ticks of each fill in bps of the mid just before it."""
        shares: Array = half / self._mid_half * 1e4
        return shares


class FillMeasures:
    """Takes the segments of a run; gives the measures of fills as soon as the market data has passed their horizons."""

    def __init__(self) -> None:
        self._intents = np.empty(0, MESSAGE)  # intents of orders that are not done
        self._waiting = np.empty(0, _WAITING)

    def take(self, segment: Recording) -> Measures:
        """The measures of fills that can be known behind a segment, in their order: of all of them at the end."""
        messages, kind = segment.messages, segment.messages["kind"]
        intents = np.concatenate([self._intents, messages[kind == INTENT]])
        self._waiting = np.concatenate([self._waiting, _waiting(segment.fills, intents)])
        ended = (kind == DENIED) | (kind == REJECTED) | (kind == CANCELED) | (kind == EXPIRED)
        done = messages["order_id"][ended | ((kind == FILLED) & (messages["leaves_lots"] == 0))]
        self._intents = intents[~np.isin(intents["order_id"], done)]
        count = len(self._waiting)
        if count and not segment.is_last:
            early = self._waiting["ts_ns"] + LAST_NS < segment.mids.end_ns
            count = int(np.argmin(early)) if not early.all() else count
        if not count:
            return Measures(self._waiting[:0], NO_MIDS)
        known, self._waiting = self._waiting[:count], self._waiting[count:].copy()
        return Measures(known, segment.mids)


def _waiting(fills: Array, intents: Array) -> Array:
    rows = np.empty(len(fills), _WAITING)
    rows["ts_ns"], rows["lots"], rows["price_ticks"] = fills["ts_ns"], fills["qty_lots"], fills["price_ticks"]
    rows["sign"] = np.where(fills["side"] == 0, 1, -1)
    rows["quoted"] = rows["sign"] * _quoted_half(fills, intents)
    rows["mid_half"] = np.where(fills["mid_half_ticks"] != 0, fills["mid_half_ticks"], math.nan)
    return rows


def _quoted_half(fills: Array, intents: Array) -> Array:
    """Mid of the Book that the order of each fill was decided on, less twice the order's price; NaN where unknown."""
    intents = intents[np.searchsorted(intents["order_id"], fills["order_id"])]
    known = (intents["mid_half_ticks"] != 0) & (intents["time_in_force"] != TimeInForce.IOC)
    half: Array = np.where(known, intents["mid_half_ticks"] - 2 * intents["price_ticks"], math.nan)
    return half


class Mean:
    """The weighted mean of what is known, one value after the other: the same sums however they come in parts."""

    def __init__(self, count: int = 1) -> None:
        self.sums = np.zeros(count)
        self.weights = np.zeros(count)

    def grow(self, count: int) -> None:
        """Make room for more groups."""
        self.sums.resize(count, refcheck=False)
        self.weights.resize(count, refcheck=False)

    def take(self, values: Array, weights: Array, groups: Array | int = 0) -> None:
        """Take the next values, NaN where unknown, each of its group."""
        known = ~np.isnan(values)
        chosen = groups[known] if isinstance(groups, np.ndarray) else np.full(int(known.sum()), groups)
        np.add.at(self.sums, chosen, (values * weights)[known])
        np.add.at(self.weights, chosen, weights[known].astype(float))

    def means(self) -> Array:
        """Of each group; NaN where it has none."""
        empty = np.full(len(self.sums), math.nan)
        means: Array = np.divide(self.sums, self.weights, out=empty, where=self.weights > 0)
        return means


class FillFigures:
    """The figures of all fills, of their measures as they become known."""

    def __init__(self) -> None:
        names = ("quoted", "0s", *HORIZONS_NS)
        self._of_quoted = {name: [Mean(), Mean()] for name in names[1:]}  # what was quoted, and what it earned
        self._means = {name: Mean() for name in names}
        self._lost = {name: Mean() for name in HORIZONS_NS}
        self._censored = dict.fromkeys(HORIZONS_NS, 0)

    def take(self, known: Measures) -> None:
        """Take the next fills."""
        earned = {"0s": known.effective, **known.realised}
        for name, half in {"quoted": known.quoted, **earned}.items():
            self._means[name].take(known.bps(half), known.lots)
        for name, half in earned.items():
            both = ~(np.isnan(half) | np.isnan(known.quoted))
            for mean, values in zip(self._of_quoted[name], (known.quoted, half), strict=True):
                mean.take(values[both], known.lots[both])
        for name, half in known.realised.items():
            self._lost[name].take(known.bps(known.effective - half), known.lots)
            self._censored[name] += int(np.count_nonzero(np.isnan(half)))

    def captured_pct(self) -> dict[str, float | None]:
        """Share of the quoted half-spread that was earned, by horizon (0s: at the fill); null where undefined."""
        sums = {name: [float(mean.sums[0]) for mean in means] for name, means in self._of_quoted.items()}
        return {name: 100.0 * earned / quoted if quoted else None for name, (quoted, earned) in sums.items()}

    def half_spread_bps(self) -> dict[str, float | dict[str, float | None] | None]:
        """Quoted, effective, realised and adverse selection of all fills."""
        return {
            "quoted": _one(self._means["quoted"]),
            "effective": _one(self._means["0s"]),
            "realised": {name: _one(self._means[name]) for name in HORIZONS_NS},
            "adverse_selection": {name: _one(mean) for name, mean in self._lost.items()},
        }

    def censored(self) -> dict[str, int]:
        """Fills whose horizon ends after the market data."""
        return dict(self._censored)


def _one(mean: Mean) -> float | None:
    value = float(mean.means()[0])
    return None if math.isnan(value) else value


def fill_figures(recording: Recording) -> FillFigures:
    """Those of a recording in one piece."""
    found = FillFigures()
    found.take(FillMeasures().take(recording))
    return found
