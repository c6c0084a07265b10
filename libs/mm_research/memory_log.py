"""A group's log in memory, and the one loop that appends to it: LOG protocol 5 and 6 without a bus.

A root joins the queue. The event at its head is given to every node that hears its type, in rank order; their answers
are appended, and join the queue, in (rank, index) order. When the queue is empty the log is quiescent: the next root.

On disk a log is one zstd file of msgpack: for each event a `bin 32` that holds the event as `mm_wire` encodes it.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from mm_core.events import EVENTS, AnyEvent, Event
from mm_core.node import Node
from mm_core.types import InputError
from mm_store.atomic import replacing
from mm_wire.codec import decode, encode

LOG_FILE = Path("log", "events.msgpack.zst")
_BIN_32 = b"\xc6"
_HEAD_BYTES = 5
_BUFFER_BYTES = 1 << 16

Hear = Callable[[Event], object]
Step = Callable[[Any], Sequence[Event]]


class MemoryLog:
    """The nodes of one group and the order of their log; `hear` gets every event, in that order, as it is appended."""

    def __init__(self, nodes: Sequence[Node], hear: Hear) -> None:
        self._hear = hear
        ranked = sorted(nodes, key=lambda node: node.rank)
        self._hearers: dict[type[Event], list[tuple[Node, Step]]] = {
            kind: [(node, node.step) for node in ranked if kind in node.hears] for kind in EVENTS
        }

    def append(self, root: Event) -> None:
        """Append a root and everything that it leads to.

        AssertionError if a node says what is not its own, which the sequencer of a bus refuses too.
        """
        queue = deque([root])
        self._hear(root)
        while queue:
            event = queue.popleft()
            for node, step in self._hearers[type(event)]:
                for answer in step(event):
                    assert type(answer) in node.says, f"{node.name} may not say {type(answer).__name__}"
                    queue.append(answer)
                    self._hear(answer)


@contextmanager
def writing_log(folder: Path) -> Iterator[Hear]:
    """Give what writes one event after the other to the log of a session folder; the file appears when the block ends.

    InputError if it cannot be written.
    """
    with (
        replacing(folder / LOG_FILE) as path,
        pa.OSFile(str(path), "wb") as raw,
        pa.CompressedOutputStream(raw, "zstd") as file,
    ):
        buffer = bytearray()

        def write(event: Event) -> None:
            data = encode(event)
            buffer.extend(_BIN_32 + len(data).to_bytes(_HEAD_BYTES - 1))
            buffer.extend(data)
            if len(buffer) >= _BUFFER_BYTES:
                file.write(bytes(buffer))
                buffer.clear()

        yield write
        file.write(bytes(buffer))


def read_log(folder: Path) -> Iterator[AnyEvent]:
    """The events of a session folder's log. InputError if it is not there, or damaged."""
    path = folder / LOG_FILE
    try:
        with pa.OSFile(str(path), "rb") as raw, pa.CompressedInputStream(raw, "zstd") as file:
            while head := file.read(_HEAD_BYTES):
                size = int.from_bytes(head[1:])
                data = file.read(size)
                if head[:1] != _BIN_32 or len(data) != size:
                    raise InputError(f"{path}: damaged; expected a log as a session writes it")
                yield decode(data)
    except (OSError, msgspec.DecodeError) as error:
        raise InputError(f"{path}: {error}; expected a log as a session writes it") from error
