"""The paper exchange's venue: what rests there, and what is on its way."""

from functools import partial
from itertools import product
from typing import Any

from mm_core import events as e
from mm_core.exchange.venue import Reject
from mm_core.node import State
from mm_service.figures.node import Figures
from mm_service.figures.output_counts import OutputCounts
from mm_service.figures.scale import SIDES, Scale
from mm_service.metrics import Metrics

LIQUIDITY = ("maker", "taker")
REASONS = {reject.value: reject.name.lower() for reject in Reject}


def add_venue(metrics: Metrics, state: State, _: Scale) -> None:
    """The figures of the state of a paper exchange."""
    venue = state["sets"][0, 0]["venue"]
    text = "Orders that rest at the venue"
    metrics.gauges("orders_resting", text, "side", SIDES, lambda side: venue["resting"][SIDES.index(side)])
    metrics.gauge("requests_waiting", "Requests on their way to the venue", lambda: _waiting(venue["inbox"]))
    metrics.gauge("answers_waiting", "Answers on their way to us", lambda: _waiting(venue["outbox"]))


def _waiting(queue: State) -> float:
    return float(queue["tail"] - queue["head"])


def add_fills(metrics: Metrics, counts: OutputCounts) -> None:
    """Fills and rejections."""
    text = "Fills, by our side and by who was there first"
    for side, liquidity in product(SIDES, LIQUIDITY):
        count = partial(counts.count, e.OrderFilled, (SIDES.index(side), liquidity == "maker"))
        metrics.counter("fills", text, count, side=side, liquidity=liquidity)
    for reject in Reject:
        count = partial(counts.count, e.OrderRejected, int(reject))
        metrics.counter("rejected", "Orders that the venue refused", count, reason=reject.name.lower())


def facts(_: State, counts: OutputCounts) -> dict[str, Any]:
    """What the venue refused since the process began."""
    return {"rejected": counts.by_reason(e.OrderRejected, REASONS)}


FIGURES = Figures(add_venue, add_fills, facts)
