"""A group's log in memory, and the one loop that appends to it: LOG protocol 5 and 6 without a bus.

A root joins the queue. The event at its head is given to every node that hears its type, in rank order; their answers
are appended, and join the queue, in (rank, index) order. When the queue is empty the log is quiescent: the next root.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from mm_core.events import EVENTS, Event
from mm_core.node import Node

Hear = Callable[[Event], object]
Step = Callable[[Any], Sequence[Event]]


class MemoryLog:
    """The nodes of one group and the order of their log; `hear` gets every event, in that order, as it is appended."""

    def __init__(self, nodes: Sequence[Node], hear: Hear) -> None:
        self._hear = hear
        ranked = sorted(nodes, key=lambda node: node.rank)
        self._subscribers: dict[type[Event], list[tuple[Node, Step]]] = {
            kind: [(node, node.step) for node in ranked if kind in node.inputs] for kind in EVENTS
        }

    def append(self, root: Event) -> None:
        """Append a root and everything that it leads to.

        AssertionError if a node says what is not its own, which the sequencer of a bus refuses too.
        """
        queue = deque([root])
        self._hear(root)
        while queue:
            event = queue.popleft()
            for node, step in self._subscribers[type(event)]:
                for answer in step(event):
                    assert type(answer) in node.outputs, f"{node.name} may not say {type(answer).__name__}"
                    queue.append(answer)
                    self._hear(answer)
