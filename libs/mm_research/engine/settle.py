"""What follows an event in the log's order, and the room that the log of a run needs."""

from mm_core.compiled import Record, compiled, hot
from mm_core.messages import ANSWERS, bus_due_ns
from mm_research.engine.apart import our_side
from mm_research.engine.serve import deliver
from mm_research.engine.state import DEPTH_KINDS

# Room that the log needs for one decision of one set: all answers of its venue, and 64 intents with the answer
# of risk to each, after a state with its cancels.
MESSAGES_A_DECISION = ANSWERS["ring"].shape[0] + 256


@compiled
def is_full(market: Record) -> bool:
    """True if the next decision may not find room in the log or the samples."""
    room = market.log.shape[0] - MESSAGES_A_DECISION * market.sets.shape[0]
    return market.record != 0 and (market.logged > room or market.sampled == market.samples.shape[0])


@hot
def _answer_ns(market: Record) -> int:
    """When the next answer of any set's venue is due."""
    nearest_ns: int = bus_due_ns(market.sets[0].venue.outbox)
    for s in range(1, market.sets.shape[0]):
        nearest_ns = min(nearest_ns, bus_due_ns(market.sets[s].venue.outbox))
    return nearest_ns


@compiled
def _deliver_all(market: Record, until_ns: int) -> bool:
    """Hand every set the answers that are due. True if the log is full."""
    for s in range(market.sets.shape[0]):
        deliver(market, market.sets[s], until_ns)
    return is_full(market)


@compiled
def settle(market: Record, code: int, local_ns: int) -> bool:
    """In the log's order an event of the depth stream keeps the book alive, and the answers that are due follow it.

    As a live venue sends them: a queue of answers that waited for the next decision would be fuller than the live one.
    True if the log is full. Apart from the rest of the loop, which is faster without it where the order is another.
    """
    if (DEPTH_KINDS >> (code & 7)) & 1 != 0:
        our_side(market).feed_ns = local_ns
    return _answer_ns(market) <= local_ns and _deliver_all(market, local_ns)
