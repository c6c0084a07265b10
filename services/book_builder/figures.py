"""The book builder's book: what is proven of it, its touch, and its volatility."""

import math
from typing import Any

from mm_core.node import State
from mm_core.types import NS_PER_S, BookReason, BookState
from mm_service.figures.node import Figures
from mm_service.figures.output_counts import OutputCounts
from mm_service.figures.scale import SIDES, Scale
from mm_service.metrics import Metrics

STATES = [state.name.lower() for state in BookState]


def add_book(metrics: Metrics, state: State, scale: Scale) -> None:
    """The figures of the state of a book builder."""
    builder = state["builder"][0]
    top = builder["top"]

    def price(side: str) -> float:
        return float(top[f"{side}_ticks"] * scale.tick) if top[f"{side}_lots"] else math.nan

    metrics.states("state", "1 for the state of the book, as last published", STATES, lambda: STATES[top["state"]])
    metrics.gauge(
        "silence_seconds",
        "Market time from the last event of the depth stream to the last Book",
        lambda: _silence(builder),
    )
    metrics.gauge("epoch", "Synchronisations of the feed, as the book knows them", lambda: builder["epoch"])
    metrics.counter("crossed", "Deltas that left the book crossed", lambda: builder["crossed"])
    metrics.gauges("best_price_quote", "Best price; NaN without one", "side", SIDES, price)
    metrics.gauges(
        "best_size_base", "Quantity at the best price", "side", SIDES, lambda side: top[f"{side}_lots"] * scale.lot
    )
    metrics.gauge("spread_quote", "Best ask - best bid", lambda: price("ask") - price("bid"))
    metrics.gauge("mid_quote", "Middle of the touch", lambda: (price("ask") + price("bid")) / 2)
    metrics.gauge(
        "volatility_quote",
        "Standard deviation of the mid over one second; NaN until it is warm",
        lambda: top["volatility_ticks_sqrt_s"] * scale.tick,
    )


def _silence(builder: State) -> float:
    local_ns = int(builder["top"]["local_ns"])
    return max(0, local_ns - int(builder["feed_ns"])) / NS_PER_S if local_ns else 0.0


def facts(state: State, _: OutputCounts) -> dict[str, Any]:
    """The state of the book, and why it is not valid."""
    top = state["builder"]["top"][0]
    reason = BookReason(int(top["reason"]))
    return {"book": {"state": BookState(int(top["state"])).name, "reason": reason.name.lower() if reason else ""}}


FIGURES = Figures(add_book, facts=facts)
