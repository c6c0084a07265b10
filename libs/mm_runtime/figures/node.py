"""A node on the bus: how far it is, how fast, what it said; and the figures of its state, once it is up to date."""

from collections.abc import Callable

from mm_core.events import InstrumentDefined
from mm_core.node import Node, State
from mm_runtime.figures.account import add_account
from mm_runtime.figures.book import add_book
from mm_runtime.figures.limits import add_limits
from mm_runtime.figures.quotes import add_quotes
from mm_runtime.figures.said import Said, add_said
from mm_runtime.figures.scale import Scale
from mm_runtime.figures.venue import add_venue
from mm_runtime.metrics import Metrics
from mm_runtime.node_loop import NodeLoop
from mm_wire.subjects import ACCOUNTANT, BOOK_BUILDER, PAPER_EXCHANGE, QUOTER, RISK

OF_STATE: dict[str, Callable[[Metrics, State, Scale], None]] = {
    PAPER_EXCHANGE: add_venue,
    BOOK_BUILDER: add_book,
    QUOTER: add_quotes,
    RISK: add_limits,
    ACCOUNTANT: add_account,
}


def add_node(metrics: Metrics, loop: NodeLoop, node: Node, instrument: InstrumentDefined) -> Said:
    """All figures of a node's service, of a `loop` that has started; gives what counts the node's answers.

    Those of the state wait until the node has read its log to the end once: a checkpoint's older state would let
    counters step back, which Prometheus takes for a start from 0 and counts again.
    """
    said = Said(lambda: loop.reader.pending)
    loop.on_said = said.hear
    loop.on_step = metrics.seconds("step_seconds", "Time from an input's arrival to its report")
    metrics.counter("events", "Inputs read from the log", lambda: loop.events)
    metrics.counter("answers", "Answers reported", lambda: loop.answers)
    metrics.counter("checkpoints", "Checkpoints kept", lambda: loop.checkpoints)
    metrics.gauge("checkpoint_bytes", "Size of the last checkpoint kept", lambda: loop.checkpoint_bytes)
    metrics.counter(
        "reader_resets", "Times the log was read again from behind the last event", lambda: loop.reader.resets
    )
    metrics.gauge("log_pending", "Events of the log that wait for this node", lambda: loop.reader.pending)
    metrics.gauge("log_next_seq", "Next sequence of the log to read", lambda: loop.reader.next_seq)
    add_said(metrics, node, said)
    metrics.when(
        lambda: loop.events > 0 and loop.reader.pending == 0,
        lambda: OF_STATE[node.name](metrics, node.state, Scale.of(instrument)),
    )
    return said
