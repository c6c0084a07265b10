"""Counts of a node's outputs that its state does not hold: by type, by reason, by side."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from mm_core import events as e
from mm_core.events import Event
from mm_core.node import Node
from mm_service.metrics import Metrics

# What an event is counted by besides its type.
Detail = int | tuple[int, bool] | None
DETAILS: dict[type[Event], Callable[[Any], Detail]] = {
    e.OrderDenied: lambda event: int(event.reason),
    e.OrderRejected: lambda event: int(event.reason),
    e.SubmitOrder: lambda event: int(event.reason),
    e.OrderFilled: lambda event: (int(event.side), event.maker),
}


class OutputCounts:
    """The outputs of one node since this process began, without those that it repeats for an old log.

    A node that starts again reads its log from its last checkpoint on: that was counted the first time.
    """

    def __init__(self, pending: Callable[[], int]) -> None:
        self.is_current = False
        self.counts: Counter[tuple[type[Event], Detail]] = Counter()
        self._pending = pending

    def take(self, outputs: Sequence[Event]) -> None:
        """Count the outputs for one event; called at every event, to know when the old log ends."""
        if self.is_current or self._pending() == 0:
            self.is_current = True
            for event in outputs:
                kind = type(event)
                detail = DETAILS.get(kind)
                self.counts[kind, detail(event) if detail else None] += 1

    def count(self, kind: type[Event], *details: Detail) -> int:
        """How many events of a type were published, with one of `details` where these are given."""
        return sum(count for key, count in self.counts.items() if key[0] is kind and (not details or key[1] in details))

    def by_reason(self, kind: type[Event], names: Mapping[int, str]) -> dict[str, int]:
        """How many events of a type were published for each reason, by the reasons' names; none without any."""
        reasons: Counter[str] = Counter()
        for (event, detail), count in self.counts.items():
            if event is kind and isinstance(detail, int):
                reasons[names[detail]] += count
        return dict(reasons)


def add_output_counts(metrics: Metrics, node: Node, counts: OutputCounts) -> None:
    """The counter of each type of output of a node."""
    for kind in node.outputs:
        metrics.counter(
            "published", "Outputs by the type of the event", partial(counts.count, kind), event=kind.__name__
        )
