"""The digests of a session, made from its log alone."""

from mm_core.events import Event, InstrumentDefined
from mm_research.from_events import EventRows
from mm_research.recording import START, Digests, Recording

# What rows raise that no session can have: an answer without its order, an account that is not that of its fills, a
# number that is none of 64 bits.
_IMPOSSIBLE = (AssertionError, KeyError, OverflowError)


class LogDigests:
    """Hears the events of a log in their order, and now and then `pack`s what it keeps of them."""

    def __init__(self, instrument: InstrumentDefined) -> None:
        self._instrument = instrument
        self._rows = EventRows()
        self._before = START
        self._digests = Digests()
        self._is_possible = True

    def hear(self, event: Event) -> None:
        """Take the next event."""
        if self._is_possible:
            try:
                self._rows.hear(event)
            except _IMPOSSIBLE:
                self._is_possible = False

    def pack(self, *, is_last: bool = False) -> None:
        """Work off what has come together."""
        if self._is_possible:
            try:
                segment = Recording(self._instrument, *self._rows.drain(), before=self._before, is_last=is_last)
                self._digests.take(segment)
                self._before = segment.after
            except _IMPOSSIBLE:
                self._is_possible = False

    def differ(self, stored: dict[str, str]) -> list[str]:
        """The names of the digests that are not those stored: all of them, if no session can have this log."""
        if self._is_possible:
            try:
                self._rows.end_decision()
            except _IMPOSSIBLE:
                self._is_possible = False
        self.pack(is_last=True)
        made = self._digests.texts() if self._is_possible else {}
        return sorted(name for name in stored.keys() | made.keys() if stored.get(name) != made.get(name))
