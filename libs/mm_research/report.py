"""What the summaries of paper sessions and backtests share: what happened, under which terms, what came of it."""

from decimal import Decimal
from typing import Any

import numpy as np

from mm_core.events import InstrumentDefined
from mm_core.setup.config import REGULAR_FEE, Config
from mm_core.setup.core import new_core
from mm_core.setup.notes import start_notes
from mm_core.setup.units import Units, units_of
from mm_core.types import INT64_MAX, MONEY_E9, NS_PER_S
from mm_research.activity import ActivityCount
from mm_research.digests import Digests
from mm_research.drawdown import Drawdown
from mm_research.measures import FillFigures, FillMeasures, Measures
from mm_research.ratios import RatioCount
from mm_research.recording import RESULT, Recording
from mm_research.why import why_little


class Report:
    """Takes the segments of a run, and makes what every summary has of them; its memory does not grow with them."""

    def __init__(self, instrument: InstrumentDefined, config: Config) -> None:
        self.digests = Digests()
        self.decisions = 0
        self.first_ns: int | None = None  # local time of the first and the last decision
        self.last_ns: int | None = None
        self._instrument, self._config = instrument, config
        self._activity = ActivityCount(int(config.risk.rate_halt_s * NS_PER_S))
        self._ratios, self._drawdown = RatioCount(), Drawdown()
        self._measures, self._fills = FillMeasures(), FillFigures()
        self._intents = self._fill_count = self._first_mid_half = 0
        self._position, self._result = 0.0, dict.fromkeys(RESULT, 0.0)

    def take(self, segment: Recording) -> Measures:
        """Take the next segment; gives the measures of the fills that are known now."""
        self.digests.take(segment.messages, segment.samples)
        for each in (self._activity, self._ratios, self._drawdown):
            each.take(segment)
        known = self._measures.take(segment)
        self._fills.take(known)
        self._intents += segment.intent_count
        self._fill_count += len(segment.fills)
        times_ns = segment.samples["local_ns"]
        if len(times_ns):
            self.decisions += len(times_ns)
            self.first_ns = int(times_ns[0]) if self.first_ns is None else self.first_ns
            self.last_ns = int(times_ns[-1])
            self._position, self._result = segment.position(), segment.result()
            self._first_mid_half = self._first_mid_half or _first_mid_half(segment)
        return known

    def summary(self) -> dict[str, Any]:
        """The keys that every summary has."""
        instrument, config, found = self._instrument, self._config, self._activity.found()
        return {
            **found.to_json(),
            "why": why_little(instrument, config, found, self._intents),
            "notes": start_notes(config, instrument),
            "fees": fee_text(config),
            "limits": limits(instrument, config, self._first_mid_half),
            "units": {"base": instrument.base or "base", "quote": instrument.quote or "quote"},
            "orders": self._ratios.orders,
            "fills": self._fill_count,
            "ratios": self._ratios.ratios(),
            "position": self._position,
            "pnl": self._result,
            "drawdown_max": self._drawdown.largest(),
            "spread_captured_pct": self._fills.captured_pct(),
            "half_spread_bps": self._fills.half_spread_bps(),
            "censored_fills": self._fills.censored(),
            "fill_model": fill_model(config),
        }

    def more(self) -> dict[str, Any]:
        """Figures of a session that its one line of JSON leaves out."""
        return {
            "decisions": self.decisions,
            "valid_share": self._activity.valid_share(),
            "first_ns": self.first_ns,
            "last_ns": self.last_ns,
        }


def report(recording: Recording, config: Config) -> dict[str, Any]:
    """The keys that every summary has, of a run in one piece."""
    found = Report(recording.instrument, config)
    found.take(recording)
    return found.summary()


def fill_model(config: Config) -> str:
    """The terms of the paper exchange in one line."""
    exchange = config.exchange
    cancel_ms = exchange.entry_ms if exchange.cancel_ms is None else exchange.cancel_ms
    return (
        f"queue {exchange.queue}, {'partial' if exchange.partial_fills else 'whole'} fills, "
        f"latency ms entry {exchange.entry_ms:f} cancel {cancel_ms:f} response {exchange.response_ms:f}, "
        f"fees maker {exchange.maker_fee:f} taker {exchange.taker_fee:f}"
    )


def fee_text(config: Config) -> str:
    """The fees, and whether they are what the venue takes from everybody."""
    rates = {"maker": config.exchange.maker_fee, "taker": config.exchange.taker_fee}
    text, regular = ", ".join(f"{name} {_percent(rate)}" for name, rate in rates.items()), _percent(REGULAR_FEE)
    if all(rate == REGULAR_FEE for rate in rates.values()):
        return f"{text}: the venue's regular fees"
    free = [name for name, rate in rates.items() if rate <= 0]
    if free:
        return f"{text}: {' and '.join(free)} fee {_percent(rates[free[0]])} is not the venue's regular {regular}"
    return f"{text}: given; the venue's regular fees are {regular}"


def limits(instrument: InstrumentDefined, config: Config, first_mid_half: int) -> dict[str, float | None]:
    """The limits of the gate that were in force at the start, in base, quote and bps; null for one that never binds.

    `first_mid_half`: the first VALID mid in half-ticks, 0 without any.
    """
    record = new_core(config, instrument).risk["limits"][0]
    units, collar_bps = units_of(instrument), float(record["collar_bps"])
    lot = units.lot
    return {
        "order_max_base": _amount(int(record["order_lots_max"]), lot),
        "position_max_base": _amount(int(record["position_lots_max"]), lot),
        "collar_bps": collar_bps or None,
        "loss_session_max_quote": _loss(record, units, first_mid_half),
        "loss_day_max_quote": _amount(int(record["loss_day_e9_max"]), Decimal(1) / MONEY_E9),
    }


def _loss(record: Any, units: Units, first_mid_half: int) -> float | None:
    """The loss that halts a session; by default a share of the largest position's value at the first VALID mid."""
    bps, most_lots = int(record["loss_auto_bps"]), int(record["position_lots_max"])
    if not bps:
        return _amount(int(record["loss_session_e9_max"]), Decimal(1) / MONEY_E9)
    if not first_mid_half or most_lots == INT64_MAX:
        return None
    return float(most_lots * first_mid_half * bps * units.value / 20_000)


def _first_mid_half(segment: Recording) -> int:
    """The first VALID mid of a segment; 0 without any."""
    mids = np.flatnonzero(segment.has_mid)
    return int(segment.mid_half[mids[0]]) if len(mids) else 0


def _amount(count: int, unit: Decimal) -> float | None:
    return None if count == INT64_MAX else float(count * unit)


def _percent(rate: Decimal) -> str:
    return f"{(100 * rate).normalize() + 0:f} %"
