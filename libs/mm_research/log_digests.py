"""The digests of a session, made from its log alone."""

from typing import Any

import numpy as np

from mm_core.events import Event, InstrumentDefined
from mm_core.messages import MESSAGE
from mm_research.engine.state import SAMPLE
from mm_research.from_events import EventRows
from mm_research.recording import Recording

# What rows raise that no session can have: an answer without its order, an account that is not that of its fills, a
# number that is none of 64 bits.
_IMPOSSIBLE = (AssertionError, KeyError, OverflowError)

Array = np.ndarray[Any, Any]


class _Rows(EventRows):
    """Rows as arrays: a row of Python's numbers takes ten times the memory."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[tuple[Array, Array]] = []

    def pack(self) -> None:
        """Change over what has come together."""
        # Not by `messages()`, which would end a decision that is still being told.
        self._parts.append((np.array(self._messages, MESSAGE), np.array(self._samples, SAMPLE)))
        self._messages.clear()
        self._samples.clear()

    def arrays(self) -> tuple[Array, Array]:
        """All messages and all samples."""
        self._end_decision()
        self.pack()
        messages, samples = zip(*self._parts, strict=True)
        return np.concatenate(messages), np.concatenate(samples)


class LogDigests:
    """Hears the events of a log in their order, and now and then `pack`s what it keeps of them."""

    def __init__(self, instrument: InstrumentDefined) -> None:
        self._instrument = instrument
        self._rows = _Rows()
        self._is_possible = True

    def hear(self, event: Event) -> None:
        """Take the next event."""
        if self._is_possible:
            try:
                self._rows.hear(event)
            except _IMPOSSIBLE:
                self._is_possible = False

    def pack(self) -> None:
        """Change what has come together to arrays: some 100 bytes a decision or message stay."""
        if self._is_possible:
            try:
                self._rows.pack()
            except _IMPOSSIBLE:
                self._is_possible = False

    def differ(self, stored: dict[str, str]) -> list[str]:
        """The names of the digests that are not those stored: all of them, if no session can have this log."""
        try:
            made = Recording(self._instrument, *self._rows.arrays()).digests() if self._is_possible else {}
        except _IMPOSSIBLE:
            made = {}
        return sorted(name for name in stored.keys() | made.keys() if stored.get(name) != made.get(name))
