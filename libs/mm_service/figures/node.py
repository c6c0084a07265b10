"""A node on the bus: how far it is, how fast, its outputs; and the figures of its state, once it is up to date."""

from collections.abc import Callable
from typing import Any, NamedTuple

from mm_core.events import InstrumentDefined
from mm_core.node import Node, State
from mm_service.figures.output_counts import OutputCounts, add_output_counts
from mm_service.figures.scale import Scale
from mm_service.metrics import Metrics
from mm_service.node_loop import NodeLoop


class Figures(NamedTuple):
    """The metrics of one node's own: of its state and of its outputs, and facts in its status."""

    of_state: Callable[[Metrics, State, Scale], None]
    of_outputs: Callable[[Metrics, OutputCounts], None] = lambda _metrics, _counts: None
    facts: Callable[[State, OutputCounts], dict[str, Any]] = lambda _state, _counts: {}


def add_node(metrics: Metrics, loop: NodeLoop, node: Node, instrument: InstrumentDefined, own: Figures) -> OutputCounts:
    """All figures of a node's service, of a `loop` that has started; returns what counts the node's outputs.

    Those of the state wait until the node has read its log to the end once: a checkpoint's older state would let
    counters step back, which Prometheus takes for a start from 0 and counts again.
    """
    counts = OutputCounts(lambda: loop.reader.pending)
    loop.on_outputs = counts.take
    loop.on_step = metrics.seconds("step_seconds", "Time from an input's arrival to its report")
    metrics.counter("events", "Inputs read from the log", lambda: loop.events)
    metrics.counter("outputs", "Outputs reported", lambda: loop.outputs)
    metrics.counter("checkpoints", "Checkpoints stored", lambda: loop.checkpoints)
    metrics.gauge("checkpoint_bytes", "Size of the last checkpoint stored", lambda: loop.checkpoint_bytes)
    metrics.counter(
        "reader_resets", "Times the log was read again from behind the last event", lambda: loop.reader.resets
    )
    metrics.gauge("log_pending", "Events of the log that wait for this node", lambda: loop.reader.pending)
    metrics.gauge("log_next_seq", "Next sequence of the log to read", lambda: loop.reader.next_seq)
    add_output_counts(metrics, node, counts)
    own.of_outputs(metrics, counts)
    metrics.when(
        lambda: loop.events > 0 and loop.reader.pending == 0,
        lambda: own.of_state(metrics, node.state, Scale.of(instrument)),
    )
    return counts
