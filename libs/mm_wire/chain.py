"""The chain of a log: each of its messages is named by a hash over it and over the name of the one before.

So one changed, missing, added or moved message shows at its place, in every copy of the log: on the bus, in a file, in
the store. On the bus the name is the message's id, and the server takes only what names the last message as the one
before; so a writer whose place was taken can add nothing.
"""

import hashlib
from typing import NamedTuple

FIRST = ""  # what the first message follows
_HASH_BYTES = 8


class Record(NamedTuple):
    """One message of a log as every copy stores it.

    `label` is the text of its label, "" of a fence, with which a sequencer takes the log over; `data` is the encoded
    event, of a fence the writer's name; `name` is `name_of` the three behind the record before it.
    """

    seq: int
    label: str
    name: str
    data: bytes

    @property
    def is_fence(self) -> bool:
        """True of what is no event."""
        return not self.label


class Entry(NamedTuple):
    """One event of a log. `cause` is the input that it follows from, 0 of a root."""

    seq: int
    kind: str
    cause: int
    data: bytes


def name_of(before: str, label: str, data: bytes) -> str:
    """The name of a message behind the one named `before`: 16 hex digits (BLAKE2b of 8 bytes)."""
    head = f"{before} {label}\n".encode()
    return hashlib.blake2b(head + data, digest_size=_HASH_BYTES).hexdigest()
