"""What no honest venue's answers show, whatever the rules: fills before the order, after its cancel, and the like."""

from bisect import bisect_right
from collections.abc import Sequence

from tests.recompute.venue import Answer, Terms


def violations(
    answers: Sequence[Answer], sent_ns: dict[int, int], terms: Terms, tops: Sequence[tuple[int, int, int]]
) -> dict[str, list[str]]:
    """What was found, by name; `sent_ns` is when each order was decided, `tops` the venue's own (time, bid, ask)."""
    accepted = {each.order_id: each for each in answers if each.kind == "OrderAccepted"}
    canceled_ns = {each.order_id: each.ts_ns for each in answers if each.kind == "OrderCanceled"}
    made = [each for each in answers if each.kind == "OrderFilled" and each.is_maker]
    early = [each for each in made if each.ts_ns < accepted[each.order_id].ts_ns]
    hasty = [each for each in accepted.values() if each.ts_ns < sent_ns[each.order_id] + terms.entry_ns]
    after = [each for each in made if each.ts_ns > canceled_ns.get(each.order_id, each.ts_ns)]
    found = {
        "fills before acceptance": early,
        "accepted before decision + latency": hasty,
        "fills after a cancel": after,
    }
    if terms.has_top:
        found["accepted across the venue's top"] = [each for each in accepted.values() if _crosses(each, tops)]
    return {name: [str(each) for each in list_] for name, list_ in found.items()}


def _crosses(accepted: Answer, tops: Sequence[tuple[int, int, int]]) -> bool:
    """Whether a post-only order reached the other side of the venue's own top when it was accepted."""
    at = bisect_right(tops, accepted.ts_ns, key=lambda top: top[0]) - 1
    if at < 0:
        return False
    _, bid_ticks, ask_ticks = tops[at]
    return 0 < bid_ticks >= accepted.price_ticks if accepted.side else 0 < ask_ticks <= accepted.price_ticks
