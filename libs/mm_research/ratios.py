"""How many of the orders were filled and canceled, as counts of orders and quantities: docs/metrics.md."""

import numpy as np

from mm_core.messages import CANCEL, CANCELED, EXPIRED, FILLED, SUBMIT
from mm_research.exact import exact_sum
from mm_research.recording import Recording


class RatioCount:
    """Takes the segments of a run. `orders` are those sent to the venue."""

    def __init__(self) -> None:
        self.orders = 0
        self._cancels = self._orders_filled = 0
        self._filled_lots = self._sent_lots = 0
        self._open_filled = np.empty(0, np.int64)  # orders with a fill that are not done

    def take(self, segment: Recording) -> None:
        """Take the next segment."""
        messages, kind = segment.messages, segment.messages["kind"]
        submitted, filled = messages[kind == SUBMIT], segment.fills
        self.orders += len(submitted)
        self._cancels += int(np.count_nonzero(kind == CANCEL))
        self._sent_lots += exact_sum(submitted["qty_lots"])
        self._filled_lots += exact_sum(filled["qty_lots"])
        new = np.setdiff1d(filled["order_id"], self._open_filled)
        self._orders_filled += len(new)
        done = (kind == CANCELED) | (kind == EXPIRED) | ((kind == FILLED) & (messages["leaves_lots"] == 0))
        self._open_filled = np.setdiff1d(np.concatenate([self._open_filled, new]), messages["order_id"][done])

    def ratios(self) -> dict[str, float | None]:
        """Orders and messages are those sent to the venue; null where there is nothing to divide by.

        fill_orders: orders with a fill / orders. fill_qty: filled / submitted quantity. cancel: cancels / orders.
        order_to_trade: (orders + amendments + cancels) / orders with a fill; no strategy amends yet.
        """
        return {
            "fill_orders": _ratio(self._orders_filled, self.orders),
            "fill_qty": _ratio(self._filled_lots, self._sent_lots),
            "cancel": _ratio(self._cancels, self.orders),
            "order_to_trade": _ratio(self.orders + self._cancels, self._orders_filled),
        }


def ratios(recording: Recording) -> dict[str, float | None]:
    """Those of a recording in one piece."""
    count = RatioCount()
    count.take(recording)
    return count.ratios()


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
