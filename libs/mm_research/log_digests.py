"""The digests of a session, made from its log alone."""

from mm_core.events import Event, InstrumentDefined
from mm_research.digests import Digests
from mm_research.log_rows import LogRows
from mm_research.recording import START, Recording

# What rows raise that no session can have: an account that is not that of its fills, a number that is none of 64 bits.
_IMPOSSIBLE = (AssertionError, OverflowError)


class LogDigests:
    """Takes the events of a log in their order, and at the end of roots' trees `pack`s what it has of them."""

    def __init__(self, instrument: InstrumentDefined) -> None:
        self._instrument = instrument
        self._rows = LogRows()
        self._before = START
        self._digests = Digests()
        self._is_possible = True

    def take(self, event: Event) -> None:
        """Take the next event."""
        if self._is_possible:
            try:
                self._rows.take(event)
            except _IMPOSSIBLE:
                self._is_possible = False

    def pack(self, *, is_last: bool = False) -> None:
        """Process the events collected so far."""
        if self._is_possible:
            try:
                rows = self._rows.drain()
                self._before = Recording(self._instrument, *rows, before=self._before, is_last=is_last).after
                self._digests.take(*rows)
            except _IMPOSSIBLE:
                self._is_possible = False

    def differ(self, stored: dict[str, str]) -> list[str]:
        """The names of the digests that are not those stored: all of them, if no session can have this log."""
        self.pack(is_last=True)
        made = self._digests.texts() if self._is_possible else {}
        return sorted(name for name in stored.keys() | made.keys() if stored.get(name) != made.get(name))
