"""A service that is one node and the loop around it."""

from mm_core.setup.nodes import new_nodes
from mm_core.setup.parts import new_parts
from mm_core.setup.warm import warm
from mm_runtime.figures.facts import facts
from mm_runtime.figures.node import add_node
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
    node = nodes[service.name]
    made = made_by(settings, instrument)
    loop = NodeLoop(service.bus, service.group, node, made, settings.bus.checkpoint_events)
    await loop.start()
    service.on_stop(loop.stop)
    said = add_node(service.metrics, loop, node, instrument)
    service.status = lambda: loop.status() | facts(node, said)  # only now there is something to tell
