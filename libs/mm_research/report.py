"""What the summaries of paper sessions and backtests share: what happened, under which terms, what came of it."""

from decimal import Decimal
from typing import Any

import numpy as np

from mm_core.setup.config import REGULAR_FEE, Config
from mm_core.setup.notes import start_notes
from mm_core.setup.parts import new_parts
from mm_core.types import INT64_MAX, MONEY_E9, NS_PER_S
from mm_research.activity import activity
from mm_research.drawdown import drawdown_max
from mm_research.kpi_spread import Measures
from mm_research.ratios import ratios
from mm_research.recording import Recording
from mm_research.why import why_little


def report(recording: Recording, config: Config) -> dict[str, Any]:
    """The keys that every summary has."""
    found = activity(recording, int(config.risk.rate_halt_s * NS_PER_S))
    instrument, measures = recording.instrument, Measures(recording)
    return {
        **found.to_json(),
        "why": why_little(recording, config, found),
        "notes": start_notes(config, instrument),
        "fees": fee_text(config),
        "limits": limits(recording, config),
        "units": {"base": instrument.base or "base", "quote": instrument.quote or "quote"},
        "orders": recording.order_count,
        "fills": len(recording.fills),
        "ratios": ratios(recording),
        "position": recording.position(),
        "pnl": recording.result(),
        "drawdown_max": drawdown_max(recording),
        "spread_captured_pct": measures.captured_pct(),
        "half_spread_bps": measures.half_spread_bps(),
        "censored_fills": measures.censored(),
        "fill_model": fill_model(config),
    }


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
        return f"{text}: Binance Spot's regular fees"
    free = [name for name, rate in rates.items() if rate <= 0]
    if free:
        return f"{text}: {' and '.join(free)} fee {_percent(rates[free[0]])} is not the venue's regular {regular}"
    return f"{text}: given; the venue's regular fees are {regular}"


def limits(recording: Recording, config: Config) -> dict[str, float | None]:
    """The limits of the gate that were in force at the start, in base, quote and bps; null for one that never binds."""
    record = new_parts(config, recording.instrument).risk["limits"][0]
    lot, collar_bps = recording.units.lot, float(record["collar_bps"])
    return {
        "order_max_base": _amount(int(record["order_lots_max"]), lot),
        "position_max_base": _amount(int(record["position_lots_max"]), lot),
        "collar_bps": collar_bps or None,
        "loss_session_max_quote": _loss(recording, record),
        "loss_day_max_quote": _amount(int(record["loss_day_e9_max"]), Decimal(1) / MONEY_E9),
    }


def _loss(recording: Recording, record: Any) -> float | None:
    """The loss that halts a session; by default a share of the largest position's value at the first VALID mid."""
    bps, most_lots = int(record["loss_auto_bps"]), int(record["position_lots_max"])
    if not bps:
        return _amount(int(record["loss_session_e9_max"]), Decimal(1) / MONEY_E9)
    mids = np.flatnonzero(recording.has_mid)
    if not len(mids) or most_lots == INT64_MAX:
        return None
    return float(most_lots * int(recording.mid_half[mids[0]]) * bps * recording.units.value / 20_000)


def _amount(count: int, unit: Decimal) -> float | None:
    return None if count == INT64_MAX else float(count * unit)


def _percent(rate: Decimal) -> str:
    return f"{(100 * rate).normalize() + 0:f} %"
