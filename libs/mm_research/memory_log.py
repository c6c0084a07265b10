"""A group's log in memory, and the one loop that appends to it: what the sequencer does on the bus (docs/log.md).

A root joins the queue. The event at its head is delivered to every node that subscribes to its type, in rank order;
their outputs are appended, and join the queue, in (rank, index) order. When the queue is empty the log is quiescent:
the next root.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from mm_core.events import EVENTS, Event
from mm_core.node import Node

OnEvent = Callable[[Event], object]
Step = Callable[[Any], Sequence[Event]]


class MemoryLog:
    """The nodes of one group and the order of their log; `on_event` gets each event as it is appended."""

    def __init__(self, nodes: Sequence[Node], on_event: OnEvent) -> None:
        self._on_event = on_event
        ranked = sorted(nodes, key=lambda node: node.rank)
        self._subscribers: dict[type[Event], list[tuple[Node, Step]]] = {
            kind: [(node, node.step) for node in ranked if kind in node.inputs] for kind in EVENTS
        }

    def append(self, root: Event) -> None:
        """Append a root and all events that follow from it.

        AssertionError if a node publishes a type that is not its own, which the sequencer of a bus refuses too.
        """
        queue = deque([root])
        self._on_event(root)
        while queue:
            event = queue.popleft()
            for node, step in self._subscribers[type(event)]:
                for output in step(event):
                    assert type(output) in node.outputs, f"{node.name} may not publish {type(output).__name__}"
                    queue.append(output)
                    self._on_event(output)
