"""A service that is one node and the loop around it."""

from mm_core.setup.nodes import new_nodes
from mm_core.setup.parts import new_parts
from mm_core.setup.warm import warm
from mm_runtime.node_loop import NodeLoop, defined_instrument, made_by
from mm_runtime.service import Service, run_service


def run_node(name: str) -> None:
    """Run the node `name` of this process until a signal."""
    run_service(name, _start)


async def _start(service: Service) -> None:
    instrument = await defined_instrument(service.bus, service.group)
    settings = service.settings
    warm(settings, instrument)
    nodes = {node.name: node for node in new_nodes(new_parts(settings, instrument), instrument.instrument_id)}
    made = made_by(settings, instrument)
    loop = NodeLoop(service.bus, service.group, nodes[service.name], made, settings.bus.checkpoint_events)
    metrics = service.metrics
    loop.on_step = metrics.seconds("step_seconds", "Time from an input's arrival to its report")
    await loop.start()
    service.on_stop(loop.stop)
    service.status = loop.status  # only now there is something to tell
    metrics.counter("events", "Inputs read from the log", lambda: loop.events)
    metrics.counter("answers", "Answers reported", lambda: loop.answers)
    metrics.counter("checkpoints", "Checkpoints kept", lambda: loop.checkpoints)
    metrics.counter(
        "reader_resets", "Times the log was read again from behind the last event", lambda: loop.reader.resets
    )
    metrics.gauge("log_pending", "Events of the log that wait for this node", lambda: loop.reader.pending)
    metrics.gauge("log_next_seq", "Next sequence of the log to read", lambda: loop.reader.next_seq)
