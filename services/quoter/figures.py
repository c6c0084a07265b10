"""The quoter's quotes: what rests where, the strategy's prices, whether it quotes at all."""

import math
from typing import Any

from mm_core.node import State
from mm_core.quoting.state import CANCELING, FLATTENING, LIVE, QUOTING, SILENT
from mm_service.figures.node import Figures
from mm_service.figures.output_counts import OutputCounts
from mm_service.figures.scale import SIDES, Scale, limited, scaled
from mm_service.metrics import Metrics

MODES = {QUOTING: "quoting", FLATTENING: "flattening", SILENT: "silent"}
INDEX = {side: index for index, side in enumerate(SIDES)}


def add_quotes(metrics: Metrics, state: State, scale: Scale) -> None:
    """The figures of the state of a quoter."""
    quoter = state["quoter"][0]
    terms = quoter["terms"]

    def price(side: str) -> float:
        ticks = _resting(quoter, side)
        return (max(ticks) if side == "bid" else min(ticks)) * scale.tick if ticks else math.nan

    for name, text, read in (
        ("orders_open", "Orders that are not known to have ended", lambda side: quoter["open"][INDEX[side]]),
        ("quotes_resting", "Orders that rest at the venue", lambda side: len(_resting(quoter, side))),
        ("side_quoted", "1 while this side should be quoted", lambda side: terms["quoted"][INDEX[side]]),
        ("resting_price_quote", "Best price of our resting orders; NaN without one", price),
    ):
        metrics.gauges(name, text, "side", SIDES, read)
    spread = "Our best resting ask - our best resting bid; NaN unless both rest"
    metrics.gauge("quoted_spread_quote", spread, lambda: price("ask") - price("bid"))
    for name, text, field in (
        ("fair_price_quote", "The strategy's estimate of the fair price", "fair_ticks"),
        ("reservation_price_quote", "The price that the strategy quotes around", "reservation_ticks"),
        ("half_spread_quote", "Half of the spread that the strategy requests, before bounds", "half_spread_ticks"),
    ):
        metrics.gauge(name, text, scaled(terms, field, scale.tick))
    metrics.gauge(
        "position_max_base",
        "Position at which a side is no longer quoted",
        lambda: limited(terms["position_lots_max"], scale.lot),
    )
    metrics.counter("decisions", "Decisions taken, one a Book", lambda: quoter["steps"])
    metrics.states("mode", "1 for the mode set by the operator", [*MODES.values()], lambda: MODES[int(quoter["mode"])])


def _resting(quoter: State, side: str) -> list[int]:
    """The prices in ticks of a side's orders that are known to rest; a cancel on its way does not end that."""
    index = INDEX[side]
    orders = quoter["orders"][index, : quoter["open"][index]]
    return [int(order["price_ticks"]) for order in orders if order["status"] in {LIVE, CANCELING}]


def facts(state: State, _: OutputCounts) -> dict[str, Any]:
    """How many orders rest on each side, and the mode."""
    quoter = state["quoter"][0]
    resting = {}
    for side, index in zip(SIDES, range(len(SIDES)), strict=True):
        orders = quoter["orders"][index, : quoter["open"][index]]
        resting[side] = sum(int(order["status"]) in {LIVE, CANCELING} for order in orders)
    return {"resting": resting, "mode": MODES[int(quoter["mode"])]}


FIGURES = Figures(add_quotes, facts=facts)
