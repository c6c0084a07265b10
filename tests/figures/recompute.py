"""A session's figures once more, from its log alone: plain Python, one loop over the events, nothing of mm_research.

python -m tests.figures.recompute <session folder>   prints a table; exit code 1 if a figure of summary.json differs
"""

import json
import sys
from bisect import bisect_left, bisect_right
from collections import Counter
from functools import reduce
from math import isclose
from pathlib import Path
from typing import Any

from tests.figures.book import Venue

from mm_core import events as e
from mm_core.types import BookState, TimeInForce
from mm_store.log_read import read_log

HORIZONS_NS = {"0.1s": 10**8, "1s": 10**9, "5s": 5 * 10**9, "60s": 60 * 10**9}
Fill = tuple[int, int, int, int, int, int | None]  # time, sign, lots, 2 x price, mid just before it, and `quoted`


def recompute(folder: Path) -> dict[str, float | None]:
    """The figures of summary.json by their path."""
    manifest = json.loads((folder / "manifest.json").read_text())
    venue, counts, fills = Venue(manifest["config"]["exchange"]["venue_top"]), Counter[str](), list[Fill]()
    quoted: dict[int, int | None] = {}  # of each order: mid of the Book it was decided on - 2 x its price
    book_half = mark_half = position = cash_half = fees_e9 = 0
    for event in read_log(folder):
        match event:
            case e.Book():
                is_valid = event.state == BookState.VALID and event.bid_lots and event.ask_lots
                book_half = event.bid_ticks + event.ask_ticks if is_valid else 0
                mark_half = book_half or mark_half
            case e.OrderIntent():
                is_quote = book_half and event.time_in_force != TimeInForce.IOC
                quoted[event.order_id] = book_half - 2 * event.price_ticks if is_quote else None
            case e.SubmitOrder():
                counts["orders"] += 1
            case e.OrderFilled():
                counts["fills"] += 1
                sign, before = (-1 if event.side else 1), venue.mids[bisect_left(venue.times, event.ts_ns) - 1]
                of_order = quoted[event.order_id]
                fills.append((event.ts_ns, sign, event.qty_lots, 2 * event.price_ticks, before, of_order))
                position, fees_e9 = position + sign * event.qty_lots, fees_e9 + event.fee_e9
                cash_half -= sign * event.qty_lots * 2 * event.price_ticks
            case e.MarketEvent() if not isinstance(event, e.InstrumentDefined):
                venue.take(event)
    tick, lot = (float(manifest["instrument"][f"{name}_size"]) for name in ("tick", "lot"))
    value, spread = tick * lot / 2, sum(s * v * (m0 - p) for _, s, v, p, m0, _ in fills)
    total, fees = (cash_half + position * mark_half) * value, fees_e9 / 1e9
    pnl = {"pnl/total": total - fees, "pnl/spread": spread * value, "pnl/inventory": total - spread * value}
    return counts | {"position": position * lot, **pnl, "pnl/fees": fees} | spread_figures(venue, fills)


def spread_figures(venue: Venue, fills: list[Fill]) -> dict[str, float | None]:
    """Captured, half-spreads and censored fills at all horizons."""
    own: list[Any] = [None if q is None else s * q for _, s, _, _, _, q in fills]
    effective = [s * (m0 - p) for _, s, _, p, m0, _ in fills]
    lots, mids = [v for _, _, v, *_ in fills], [m0 for *_, m0, _ in fills]

    def mean_bps(half: list[Any]) -> float | None:
        known = [(v, 1e4 * x / m) for v, x, m in zip(lots, half, mids, strict=True) if x is not None]
        return sum(v * x for v, x in known) / sum(v for v, _ in known) if known else None

    def captured(half: list[Any]) -> float | None:
        known = [(v, x, q) for v, x, q in zip(lots, half, own, strict=True) if None not in (x, q)]
        quoted = sum(v * q for v, _, q in known)
        return 100 * sum(v * x for v, x, _ in known) / quoted if quoted else None

    found = {"spread_captured_pct/0s": captured(effective)}
    found |= {"half_spread_bps/quoted": mean_bps(own), "half_spread_bps/effective": mean_bps(effective)}
    for name, after_ns in HORIZONS_NS.items():
        later = [t + after_ns for t, *_ in fills]
        as_of = [venue.mids[bisect_right(venue.times, t) - 1] if t <= venue.market_ns else None for t in later]
        realised = [m and s * (m - p) for m, (_, s, _, p, _, _) in zip(as_of, fills, strict=True)]
        lost = [None if r is None else x - r for x, r in zip(effective, realised, strict=True)]
        found |= {f"spread_captured_pct/{name}": captured(realised), f"censored_fills/{name}": realised.count(None)}
        found |= {
            f"half_spread_bps/{key}/{name}": mean_bps(each)
            for key, each in (("realised", realised), ("adverse_selection", lost))
        }
    return found


def differences(folder: Path) -> list[str]:
    """Print each figure as the session has it and as it is found here; the names of those that differ."""
    summary, differing = json.loads((folder / "summary.json").read_text()), []
    for name, found in recompute(folder).items():
        stored: Any = reduce(lambda part, key: part[key], name.split("/"), summary)
        is_equal = stored == found or (stored and found and isclose(stored, found, rel_tol=1e-9, abs_tol=1e-12))
        print(f"{name:40} {stored!s:>24} {found!s:>24}{'' if is_equal else ' differs'}")  # noqa: T201  # its output
        differing += [] if is_equal else [name]
    return differing


if __name__ == "__main__":
    sys.exit(1 if differences(Path(sys.argv[1])) else 0)
