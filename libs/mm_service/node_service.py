"""A service that is one node and the loop around it."""

from functools import partial

from mm_core.setup.core import new_core
from mm_core.setup.nodes import new_nodes
from mm_core.setup.warm import warm
from mm_service.figures.node import Figures, add_node
from mm_service.node_loop import NodeLoop, defined_instrument, made_by
from mm_service.service import Service, run_service


def run_node(name: str, figures: Figures) -> None:
    """Run the node `name` of this process until a signal; `figures` are its own."""
    run_service(name, partial(_start, figures))


async def _start(figures: Figures, service: Service) -> None:
    instrument = await defined_instrument(service.bus, service.group)
    settings = service.settings
    warm(settings, instrument)
    nodes = {node.name: node for node in new_nodes(new_core(settings, instrument), instrument.instrument_id)}
    node = nodes[service.name]
    made = made_by(settings, instrument)
    loop = NodeLoop(service.bus, service.group, node, made, settings.bus.checkpoint_events)
    await loop.start()
    service.on_stop(loop.stop)
    counts = add_node(service.metrics, loop, node, instrument, figures)
    service.status = lambda: loop.status() | figures.facts(node.state, counts)  # only now there is a state
