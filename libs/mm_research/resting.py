"""How much of the time orders rested: the union of their resting times at the venue, on either side and on each."""

import numpy as np

from mm_core.messages import ACCEPTED, CANCELED, EXPIRED, FILLED
from mm_core.types import INT64_MAX, NS_PER_S
from mm_research.recording import Array, Recording

SPAN = np.dtype([("order_id", "i8"), ("side", "i8"), ("begin_ns", "i8"), ("end_ns", "i8")])
# Events of a later segment are at most this much older than those of this one: answers of the venue come in order.
BEHIND_NS = 600 * NS_PER_S


def covered_ns(begin_ns: Array, end_ns: Array, first_ns: int, last_ns: int) -> int:
    """How much of the time between two times some spans cover together."""
    order = np.argsort(begin_ns, kind="stable")
    begin_ns, end_ns = (np.clip(each[order], first_ns, last_ns) for each in (begin_ns, end_ns))
    reached_ns = np.maximum.accumulate(np.append(first_ns, end_ns))
    return int(np.maximum(reached_ns[1:] - np.maximum(begin_ns, reached_ns[:-1]), 0).sum())


class RestingTime:
    """Takes the segments of a run; what is old enough is summed up and dropped."""

    def __init__(self) -> None:
        self._spans = np.empty(0, SPAN)  # the end of an order that still rests is far away
        self._first_ns = self._last_ns = self._summed_ns = 0
        self._covered_ns = [0, 0, 0]  # either side, bid, ask
        self._has_time = False

    def take(self, segment: Recording) -> None:
        """Take the next segment."""
        times_ns = segment.samples["local_ns"]
        if len(times_ns):
            if not self._has_time:
                self._has_time = True
                self._first_ns = self._summed_ns = int(times_ns[0])
            self._last_ns = int(times_ns[-1])
        self._add(segment.messages)
        if self._has_time and not segment.is_last and len(segment.messages):
            self._sum_up(min(int(segment.messages["ts_ns"].max()) - BEHIND_NS, self._last_ns))

    def shares(self) -> dict[str, float | None]:
        """Share of the time between the first and the last decision; null without time."""
        if self._first_ns == self._last_ns:
            return dict.fromkeys(("either", "bid", "ask", "both"))
        self._sum_up(self._last_ns)
        either, bid, ask = (part_ns / (self._last_ns - self._first_ns) for part_ns in self._covered_ns)
        return {"either": either, "bid": bid, "ask": ask, "both": max(bid + ask - either, 0.0)}

    def _add(self, messages: Array) -> None:
        """Orders start and stop resting."""
        kind = messages["kind"]
        accepted = messages[kind == ACCEPTED]
        begun = np.empty(len(accepted), SPAN)
        for name, field in (("order_id", "order_id"), ("side", "side"), ("begin_ns", "ts_ns")):
            begun[name] = accepted[field]
        begun["end_ns"] = INT64_MAX
        spans = np.concatenate([self._spans, begun])
        is_closed = (kind == CANCELED) | (kind == EXPIRED) | ((kind == FILLED) & (messages["leaves_lots"] == 0))
        closed = messages[is_closed]
        closed = closed[np.argsort(closed["order_id"], kind="stable")]
        at = np.searchsorted(closed["order_id"], spans["order_id"])
        known = (at < len(closed)) & (spans["end_ns"] == INT64_MAX)
        known[known] = closed["order_id"][at[known]] == spans["order_id"][known]
        spans["end_ns"][known] = closed["ts_ns"][at[known]]
        self._spans = spans

    def _sum_up(self, until_ns: int) -> None:
        """Add what the spans cover up to a time, and retain those that end later."""
        if until_ns <= self._summed_ns:
            return
        spans = self._spans
        for number, chosen in enumerate((spans, spans[spans["side"] == 0], spans[spans["side"] == 1])):
            self._covered_ns[number] += covered_ns(chosen["begin_ns"], chosen["end_ns"], self._summed_ns, until_ns)
        self._spans = spans[spans["end_ns"] > until_ns]
        self._summed_ns = until_ns
