"""Risk's state: whether we trade and why not, how far the limits are away, and what was let through."""

from functools import partial
from typing import Any

from mm_core import events as e
from mm_core.events import Event
from mm_core.node import State
from mm_core.risk.reason import Reason
from mm_core.types import NS_PER_S, TradeState
from mm_service.figures.node import Figures
from mm_service.figures.output_counts import OutputCounts
from mm_service.figures.scale import SIDES, Scale, e9, limited, scaled
from mm_service.metrics import Metrics

STATES = [state.name.lower() for state in TradeState]
# Why a state was entered; the other reasons are of single orders.
STATE_REASONS = (
    *(Reason.NONE, Reason.OPERATOR, Reason.LOSS_SESSION, Reason.LOSS_DAY),
    *(Reason.FILL_RATE, Reason.COOLED_DOWN),
)
SIZE_REASONS = (
    *(Reason.REDUCING, Reason.ORDER_LOTS, Reason.ORDER_VALUE, Reason.POSITION),
    *(Reason.NOTIONAL, Reason.SPOT_BALANCE, Reason.VENUE_QTY_MAX, Reason.VENUE_NOTIONAL_MAX),
)
DENIAL_REASONS = [reason for reason in Reason if reason not in STATE_REASONS]
REASONS = {reason.value: reason.name.lower() for reason in Reason}
WINDOWS = ("session", "day")


def add_limits(metrics: Metrics, state: State, scale: Scale) -> None:
    """The figures of the state of the risk gate."""
    risk = state["risk"][0]
    limits = risk["limits"]
    _add_state(metrics, risk)
    metrics.gauges(
        "loss_quote",
        "Loss since the start of the window, below 0 for a gain",
        "window",
        WINDOWS,
        lambda window: e9(risk[f"{window}_start_e9"]) - _result(risk, scale),
    )
    metrics.gauges(
        "loss_max_quote",
        "Loss that halts trading, +Inf for no limit",
        "window",
        WINDOWS,
        lambda window: e9(limits[f"loss_{window}_e9_max"]),
    )
    metrics.gauge(
        "position_max_base",
        "Largest position that is let through, +Inf for no limit",
        lambda: limited(limits["position_lots_max"], scale.lot),
    )
    metrics.gauge("orders_open", "Orders let through and not known to have ended", lambda: risk["open_orders"])
    metrics.gauges(
        "open_base",
        "What is open of these orders",
        "side",
        SIDES,
        lambda side: risk["open_lots"][SIDES.index(side)] * scale.lot,
    )
    _add_sums(metrics, risk, scale)


def _add_state(metrics: Metrics, risk: State) -> None:
    """The trading state, why it was entered and when it ends."""

    def reason() -> str:
        return Reason(int(risk["reason"])).name.lower()

    text = "1 for what is let through: all, what reduces the position, nothing"
    metrics.states("trading_state", text, STATES, lambda: STATES[risk["trading_state"]])
    reasons = [each.name.lower() for each in STATE_REASONS]
    metrics.states("trading_reason", "1 for why the trading state was entered", reasons, reason, "reason")
    resumes = "When a halt ends by itself, Unix time; 0 for a state that stays until a command"
    metrics.gauge("trading_resumes_seconds", resumes, lambda: int(risk["resumes_ns"]) / NS_PER_S)


def _add_sums(metrics: Metrics, risk: State, scale: Scale) -> None:
    """Sums of the session, of which docs/metrics.md makes the ratios."""
    for name, text, read in (
        ("orders", "Orders let through", scaled(risk["submitted"], "count", 1)),
        ("orders_filled", "Orders with a fill, each counted once", scaled(risk["filled"], "count", 1)),
        ("cancels", "Cancels sent", scaled(risk, "cancels", 1)),
        ("submitted_base", "Quantity of the orders let through", scaled(risk, "submitted_lots", scale.lot)),
        ("filled_base", "Quantity filled", scaled(risk, "filled_lots", scale.lot)),
    ):
        metrics.counter(name, text, read)


def _result(risk: State, scale: Scale) -> float:
    """What `mm_core.risk.gate.risk_result_e9` measures the loss by."""
    account = risk["account"]
    half = int(account["cash_half"]) + int(account["position_lots"]) * int(account["mid_half"])
    return half * scale.value / 2 - e9(account["fees_e9"])


def add_decisions(metrics: Metrics, counts: OutputCounts) -> None:
    """What risk let through, made smaller or denied."""
    decisions: list[tuple[str, type[Event], Reason]] = [("allowed", e.SubmitOrder, Reason.NONE)]
    decisions += [("adjusted", e.SubmitOrder, reason) for reason in SIZE_REASONS]
    decisions += [("denied", e.OrderDenied, reason) for reason in DENIAL_REASONS]
    text = "Orders let through, made smaller or denied, and why"
    for answer, kind, reason in decisions:
        count = partial(counts.count, kind, int(reason))
        metrics.counter("decisions", text, count, answer=answer, reason=reason.name.lower())


def facts(state: State, counts: OutputCounts) -> dict[str, Any]:
    """The state of trading now, and what was denied since the process began."""
    return {"trading": _trading(state["risk"][0]), "denied": counts.by_reason(e.OrderDenied, REASONS)}


def _trading(risk: Any) -> dict[str, Any]:
    state, reason = TradeState(int(risk["trading_state"])), Reason(int(risk["reason"]))
    trading = {"state": state.name, "reason": reason.name.lower() if reason and state else ""}
    return trading | {"resumes_ns": int(risk["resumes_ns"])}


FIGURES = Figures(add_limits, add_decisions, facts)
