"""The accountant's account: position, result with both its splits, drawdown, fees and turnover."""

from mm_core.accounting.account import traded_value
from mm_core.node import State
from mm_core.types import MONEY_E9
from mm_service.figures.node import Figures
from mm_service.figures.scale import Scale, e9, scaled
from mm_service.metrics import Metrics


def add_account(metrics: Metrics, state: State, scale: Scale) -> None:
    """The figures of the state of an accountant."""
    account, drawdown = state["account"][0], state["drawdown"][0]
    half = scale.value / 2
    cost, cash = scaled(account, "cost_half", half), scaled(account, "cash_half", half)

    def value() -> float:
        return int(account["position_lots"]) * int(account["mid_half"]) * half

    for name, text, field, unit in (
        ("position_base", "Position, above 0 when long", "position_lots", scale.lot),
        ("pnl_realised_quote", "Realised result, before fees", "realised_half", half),
        (
            "pnl_spread_quote",
            "Of the result before fees: fills against the venue's mid before each",
            "spread_half",
            half,
        ),
        ("pnl_inventory_quote", "Of the result before fees: position x change of the mid", "inventory_half", half),
    ):
        metrics.gauge(name, text, scaled(account, field, unit))
    metrics.gauge("pnl_unrealised_quote", "Value of the open position over its cost", lambda: value() - cost())
    total = "Result after fees: realised + unrealised - fees"
    metrics.gauge("pnl_total_quote", total, lambda: cash() + value() - e9(account["fees_e9"]))
    for name, text in (
        ("drawdown", "How far the result after fees is below its peak since the start of the session"),
        ("drawdown_max", "The largest of these drawdowns"),
    ):
        metrics.gauge(f"{name}_quote", text, scaled(drawdown, f"{name}_e9", 1 / MONEY_E9))
    metrics.gauge("fees_quote", "Fees paid; below 0 for rebates", lambda: e9(account["fees_e9"]))
    metrics.gauge("position_value_quote", "Position x mid", value)
    metrics.gauge("average_price_quote", "What the open position cost, a unit", lambda: _average(account, scale))
    metrics.counter("fills", "Fills booked", lambda: account["fills"])
    metrics.counter("turnover_quote", "Traded value", lambda: traded_value(account) * scale.value)


def _average(account: State, scale: Scale) -> float:
    position = int(account["position_lots"])
    return int(account["cost_half"]) / 2 / position * scale.tick if position else 0.0


FIGURES = Figures(add_account)
