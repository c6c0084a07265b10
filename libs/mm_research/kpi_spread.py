"""What the spread earned per UTC minute, of `measures`. Every figure with its formula: docs/figures.md."""

import math

import numpy as np
import pyarrow as pa

from mm_core.accounting.money import EXACT_MAX
from mm_core.setup.units import Units
from mm_core.types import NS_PER_S
from mm_research.arrow import decimals
from mm_research.measures import HORIZONS_NS, FillMeasures, Mean, Measures
from mm_research.recording import Array, Recording

MINUTE_NS = 60 * NS_PER_S
_ROOM = 64


class KpiSpread:
    """Takes the segments of a run, and the measures of its fills as they become known; a few hundred bytes a minute."""

    def __init__(self) -> None:
        self._slots: dict[int, int] = {}  # minute -> group
        bps = ("quoted", "effective", *HORIZONS_NS, *(f"lost {name}" for name in HORIZONS_NS))
        self._means = {name: Mean(_ROOM) for name in ("valid", "spread", *bps)}
        self._counts = {
            name: np.zeros(_ROOM, object if name == "lots" else np.int64)
            for name in ("fills", "lots", *(f"censored {name}" for name in HORIZONS_NS))
        }

    def take(self, segment: Recording, known: Measures) -> None:
        """Take the next segment, and the fills that are known now."""
        samples = segment.samples
        groups, each = self._groups(samples["local_ns"]), np.ones(len(samples))
        spread = np.full(len(samples), math.nan)
        wide = 2e4 * (samples["ask_ticks"] - samples["bid_ticks"])
        np.divide(wide, segment.mid_half, out=spread, where=segment.has_mid)
        self._means["valid"].take(segment.has_mid.astype(float), each, groups)
        self._means["spread"].take(spread, each, groups)
        self._take_fills(known)

    def _take_fills(self, known: Measures) -> None:
        groups = self._groups(known.ts_ns)
        np.add.at(self._counts["fills"], groups, 1)
        np.add.at(self._counts["lots"], groups, known.lots.astype(object))
        self._means["quoted"].take(known.bps(known.quoted), known.lots, groups)
        self._means["effective"].take(known.bps(known.effective), known.lots, groups)
        for name, realised in known.realised.items():
            self._means[name].take(known.bps(realised), known.lots, groups)
            self._means[f"lost {name}"].take(known.bps(known.effective - realised), known.lots, groups)
            np.add.at(self._counts[f"censored {name}"], groups, np.isnan(realised).astype(np.int64))

    def _groups(self, times_ns: Array) -> Array:
        """The group of each time's minute."""
        minutes, at = np.unique(times_ns // MINUTE_NS, return_inverse=True)
        slots = np.array([self._slots.setdefault(minute, len(self._slots)) for minute in minutes.tolist()], np.int64)
        room = len(self._counts["fills"])
        if len(self._slots) > room:
            for mean in self._means.values():
                mean.grow(2 * len(self._slots))
            for name, counts in self._counts.items():
                more = np.zeros(2 * len(self._slots) - room, counts.dtype)
                self._counts[name] = np.concatenate([counts, more])
        groups: Array = slots[at]
        return groups

    def table(self, units: Units) -> pa.Table:
        """One row a minute that has samples or fills."""
        order = np.array([slot for _, slot in sorted(self._slots.items())], np.int64)
        means = {name: pa.array(mean.means()[order], from_pandas=True) for name, mean in self._means.items()}
        columns = {
            "ts_ns": np.array(sorted(self._slots), np.int64) * MINUTE_NS,
            "valid_share": means["valid"],
            "market_spread_bps": means["spread"],
            "fills": self._counts["fills"][order],
            "qty": decimals(_narrow(self._counts["lots"][order]), units.lot),
            "quoted_half_spread_bps": means["quoted"],
            "effective_half_spread_bps": means["effective"],
        }
        for name in HORIZONS_NS:
            columns[f"realised_half_spread_{name}_bps"] = means[name]
            columns[f"adverse_selection_{name}_bps"] = means[f"lost {name}"]
            columns[f"censored_{name}"] = self._counts[f"censored {name}"][order]
        return pa.table(columns)


def _narrow(counts: Array) -> Array:
    """Python integers as 64 bits where they all fit."""
    fit = all(abs(count) <= EXACT_MAX for count in counts.tolist())
    return counts.astype(np.int64) if fit else counts


def kpi_spread(recording: Recording) -> pa.Table:
    """That of a recording in one piece."""
    found = KpiSpread()
    found.take(recording, FillMeasures().take(recording))
    return found.table(recording.units)
