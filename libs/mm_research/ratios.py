"""How many of the orders were filled and canceled: counts of orders, not of prints, and quantities (QUANT 7)."""

import numpy as np

from mm_core.messages import CANCEL, FILLED, SUBMIT
from mm_research.exact import exact_sum
from mm_research.recording import Recording


def ratios(recording: Recording) -> dict[str, float | None]:
    """Orders and messages are those sent to the venue; null where there is nothing to divide by.

    fill_orders: orders with a fill / orders. fill_qty: filled / submitted quantity. cancel: cancels / orders.
    order_to_trade: (orders + amendments + cancels) / orders with a fill; no strategy amends yet.
    """
    messages = recording.messages
    submitted, filled = messages[messages["kind"] == SUBMIT], messages[messages["kind"] == FILLED]
    orders, cancels = len(submitted), int(np.count_nonzero(messages["kind"] == CANCEL))
    orders_filled = len(np.unique(filled["order_id"]))
    return {
        "fill_orders": _ratio(orders_filled, orders),
        "fill_qty": _ratio(exact_sum(filled["qty_lots"]), exact_sum(submitted["qty_lots"])),
        "cancel": _ratio(cancels, orders),
        "order_to_trade": _ratio(orders + cancels, orders_filled),
    }


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
