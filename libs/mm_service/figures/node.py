"""A node on the bus: how far it is, how fast, what it said; and the figures of its state, once it is up to date."""

from collections.abc import Callable
from typing import Any, NamedTuple

from mm_core.events import InstrumentDefined
from mm_core.node import Node, State
from mm_service.figures.answers import OutputCounts, add_said
from mm_service.figures.scale import Scale
from mm_service.metrics import Metrics
from mm_service.node_loop import NodeLoop


class Figures(NamedTuple):
    """What is the own of one node: figures of its state and of its answers, and facts in its status."""

    of_state: Callable[[Metrics, State, Scale], None]
    of_answers: Callable[[Metrics, OutputCounts], None] = lambda _metrics, _said: None
    facts: Callable[[State, OutputCounts], dict[str, Any]] = lambda _state, _said: {}


def add_node(metrics: Metrics, loop: NodeLoop, node: Node, instrument: InstrumentDefined, own: Figures) -> OutputCounts:
    """All figures of a node's service, of a `loop` that has started; gives what counts the node's answers.

    Those of the state wait until the node has read its log to the end once: a checkpoint's older state would let
    counters step back, which Prometheus takes for a start from 0 and counts again.
    """
    said = OutputCounts(lambda: loop.reader.pending)
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
    own.of_answers(metrics, said)
    metrics.when(
        lambda: loop.events > 0 and loop.reader.pending == 0,
        lambda: own.of_state(metrics, node.state, Scale.of(instrument)),
    )
    return said
