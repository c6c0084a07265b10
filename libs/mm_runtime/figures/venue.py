"""The paper exchange's venue: what rests there, and what is on its way."""

from mm_core.node import State
from mm_runtime.figures.scale import SIDES, Scale
from mm_runtime.metrics import Metrics


def add_venue(metrics: Metrics, state: State, _: Scale) -> None:
    """The figures of the state of a paper exchange."""
    venue = state["sets"][0, 0]["venue"]
    text = "Orders that rest at the venue"
    metrics.gauges("orders_resting", text, "side", SIDES, lambda side: venue["resting"][SIDES.index(side)])
    metrics.gauge("requests_waiting", "Requests on their way to the venue", lambda: _waiting(venue["inbox"]))
    metrics.gauge("answers_waiting", "Answers on their way to us", lambda: _waiting(venue["outbox"]))


def _waiting(queue: State) -> float:
    return float(queue["tail"] - queue["head"])
