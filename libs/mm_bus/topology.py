"""Who subscribes to and who publishes what on the bus, from the nodes' own types (docs/log.md)."""

from typing import get_args

from mm_core.accounting import node as accounting
from mm_core.events import EVENTS, ROOT_EVENTS, Event, Tick
from mm_core.exchange import node as exchange
from mm_core.quoting import node as quoting
from mm_core.risk import node as risk
from mm_core.signals import node as signals
from mm_wire import subjects

# In rank order.
INPUTS: dict[str, tuple[type[Event], ...]] = {
    subjects.PAPER_EXCHANGE: get_args(exchange.Inputs),
    subjects.BOOK_BUILDER: get_args(signals.Inputs),
    subjects.QUOTER: get_args(quoting.Inputs),
    subjects.RISK: get_args(risk.Inputs),
    subjects.ACCOUNTANT: get_args(accounting.Inputs),
}
SUBSCRIBERS: dict[str, tuple[str, ...]] = {
    kind.__name__: tuple(node for node, inputs in INPUTS.items() if kind in inputs) for kind in EVENTS
}


def subscribers(decide_on: str) -> dict[str, tuple[str, ...]]:
    """Who subscribes to which event in a session: the book builder takes the venue's own top only to decide on it."""
    if decide_on == "top":
        return SUBSCRIBERS
    return SUBSCRIBERS | {"BookTop": tuple(node for node in SUBSCRIBERS["BookTop"] if node != subjects.BOOK_BUILDER)}


KINDS = {kind.__name__: kind for kind in EVENTS}
# Who publishes an event, and who publishes a root: nodes and sources. The sequencer itself publishes Tick.
PUBLISHED_BY = {kind.__name__: subjects.published_by(kind) for kind in EVENTS}
SOURCES = {kind: subjects.published_by(kind) for kind in ROOT_EVENTS if kind is not Tick}
