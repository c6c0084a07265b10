"""Counts of what a node said, for what its state does not keep: answers by type, by reason, by side."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from typing import Any

from mm_core import events as e
from mm_core.events import Event
from mm_core.exchange.venue import Reject
from mm_core.node import Node
from mm_core.risk.reason import Reason
from mm_runtime.figures.limits import STATE_REASONS
from mm_runtime.figures.scale import SIDES
from mm_runtime.metrics import Metrics
from mm_wire.subjects import PAPER_EXCHANGE, RISK

# What an event is counted by besides its type.
Detail = int | tuple[int, bool] | None
DETAILS: dict[type[Event], Callable[[Any], Detail]] = {
    e.OrderDenied: lambda event: int(event.reason),
    e.OrderRejected: lambda event: int(event.reason),
    e.SubmitOrder: lambda event: int(event.reason),
    e.OrderFilled: lambda event: (int(event.side), event.maker),
}
SIZE_REASONS = (
    *(Reason.REDUCING, Reason.ORDER_LOTS, Reason.ORDER_VALUE, Reason.POSITION),
    *(Reason.NOTIONAL, Reason.SPOT_BALANCE, Reason.VENUE_QTY_MAX, Reason.VENUE_NOTIONAL_MAX),
)
DENIAL_REASONS = [reason for reason in Reason if reason not in STATE_REASONS]
LIQUIDITY = ("maker", "taker")


class Said:
    """What one node said since this process began, without what it said again of an old log.

    A node that starts again reads its log from its last checkpoint on: that was counted when it was said first.
    """

    def __init__(self, pending: Callable[[], int]) -> None:
        self.is_current = False
        self.counts: Counter[tuple[type[Event], Detail]] = Counter()
        self._pending = pending

    def hear(self, said: Sequence[Event]) -> None:
        """Count the answers to one event; called at every event, to know when the old log ends."""
        if self.is_current or self._pending() == 0:
            self.is_current = True
            for event in said:
                kind = type(event)
                detail = DETAILS.get(kind)
                self.counts[kind, detail(event) if detail else None] += 1

    def count(self, kind: type[Event], *details: Detail) -> int:
        """How many events of a type were said, with one of `details` where these are given."""
        return sum(count for key, count in self.counts.items() if key[0] is kind and (not details or key[1] in details))


def add_said(metrics: Metrics, node: Node, said: Said) -> None:
    """What the node `node` said."""
    for kind in node.says:
        metrics.counter("said", "Answers by the type of the event", partial(said.count, kind), event=kind.__name__)
    if node.name == RISK:
        _add_decisions(metrics, said)
    if node.name == PAPER_EXCHANGE:
        _add_answers(metrics, said)


def _add_decisions(metrics: Metrics, said: Said) -> None:
    answers: list[tuple[str, type[Event], Reason]] = [("allowed", e.SubmitOrder, Reason.NONE)]
    answers += [("adjusted", e.SubmitOrder, reason) for reason in SIZE_REASONS]
    answers += [("denied", e.OrderDenied, reason) for reason in DENIAL_REASONS]
    text = "Orders let through, made smaller or denied, and why"
    for answer, kind, reason in answers:
        count = partial(said.count, kind, int(reason))
        metrics.counter("decisions", text, count, answer=answer, reason=reason.name.lower())


def _add_answers(metrics: Metrics, said: Said) -> None:
    text = "Fills, by our side and by who was there first"
    for side, liquidity in product(SIDES, LIQUIDITY):
        count = partial(said.count, e.OrderFilled, (SIDES.index(side), liquidity == "maker"))
        metrics.counter("fills", text, count, side=side, liquidity=liquidity)
    for reject in Reject:
        count = partial(said.count, e.OrderRejected, int(reject))
        metrics.counter("rejected", "Orders that the venue refused", count, reason=reject.name.lower())
