"""The header that the sequencer adds to each event: its input, its tree, and who appended it."""

from collections.abc import Mapping
from typing import NamedTuple

HEADER = "Mm-Label"


class Label(NamedTuple):
    """`<source>:<number>:<place> <tree> <writer>`, a header of every event in the log.

    Of a node's output: the node, the input's sequence, and the output's index. Of a root: its source and the
    source's number for it. `tree` is the sequence of the root that the event follows from (its own, of a root).
    `writer` names one run of one sequencer: an event of another writer where ours should be shows that there are two.
    """

    source: str
    number: int
    place: int
    tree: int
    writer: str

    @property
    def text(self) -> str:
        """As the message carries it."""
        return f"{self.source}:{self.number}:{self.place} {self.tree} {self.writer}"

    @classmethod
    def of(cls, headers: Mapping[str, str] | None) -> "Label":
        """The label of a message. AssertionError if it has none: something else than a sequencer wrote it."""
        text = (headers or {}).get(HEADER)
        assert text, f"an event of the log has no {HEADER}: not of a sequencer"
        return cls.parse(text)

    @classmethod
    def parse(cls, text: str) -> "Label":
        """The label of a text."""
        name, tree, writer = text.split(" ")
        source, number, place = name.rsplit(":", 2)
        return cls(source, int(number), int(place), int(tree), writer)
