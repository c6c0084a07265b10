"""Roots that have their stamps and wait to be appended, one at a time; the stamps may be undone."""

from collections import deque

import msgspec

from mm_bus.log_end import End
from mm_bus.malformed import MalformedError, read
from mm_core.events import AnyEvent, FeedStatus, InstrumentDefined, MarketEvent, RootEvent, Tick
from mm_core.stamper import Stamper
from mm_core.types import InputError
from mm_services.sequencer.intake import Waiting
from mm_wire.codec import decode


class ForeignEventError(InputError):
    """An event of another instrument than the log's: its sender is configured for another log."""


class Stamping:
    """The stamped roots of one log, whose stamps follow from those that were taken before."""

    def __init__(self, stamper: Stamper) -> None:
        self._stamper = stamper
        self._queue: deque[tuple[RootEvent, Waiting | None]] = deque()
        self._instrument_id = ""  # of the log
        self._is_undone = False  # the next root stands for what its source gave up
        self._place = 0, 0, 0  # root_seq, local_ns and root_ns behind what was taken

    def resume(self, end: End) -> None:
        """Go on behind the end of a log."""
        self._place = end.root_seq, end.local_ns, end.root_ns
        self._instrument_id = end.instrument_id
        self._stamper.resume(*self._place)

    @property
    def root_seq(self) -> int:
        """Of the last root that was stamped."""
        return self._stamper.root_seq

    @property
    def local_ns(self) -> int:
        """Of the last deciding root or Tick that was stamped."""
        return self._stamper.local_ns

    @property
    def due_ns(self) -> int:
        """When the next Tick is due; 0 before the first deciding root."""
        return self._stamper.due_ns

    @property
    def first(self) -> RootEvent | None:
        """The root that is appended next."""
        return self._queue[0][0] if self._queue else None

    def stamp(self, root: RootEvent, waiting: Waiting) -> RootEvent:
        """Stamp a root, with the Ticks before it. ForeignEventError if it is not of the log's instrument."""
        self._check(root, waiting)
        if self._is_undone and isinstance(root, FeedStatus) and self.local_ns:  # 0: the log has no time yet
            root = self._at_end(root)
        self._is_undone = False
        *ticks, stamped = self._stamper.stamp(root)
        self._queue += [(tick, None) for tick in ticks]
        self._queue.append((stamped, waiting))
        return stamped

    def finish(self, waiting: Waiting | None = None) -> bool:
        """Stamp the next Tick; `waiting`: the end of the log that it comes with. False before the first root."""
        ticks = self._stamper.finish()
        self._queue += [(tick, waiting) for tick in ticks]
        return bool(ticks)

    def take(self) -> tuple[RootEvent, Waiting | None]:
        """The next root, which is appended now."""
        root, waiting = self._queue.popleft()
        _, local_ns, root_ns = self._place
        if not isinstance(root, InstrumentDefined):
            local_ns = root.local_ns
            root_ns = root_ns if isinstance(root, Tick) else local_ns
        self._place = root.root_seq, local_ns, root_ns
        return root, waiting

    def undo(self) -> list[Waiting]:
        """Take the stamps off all that was not taken; what waits then without them."""
        undone = [waiting for _, waiting in self._queue if waiting is not None]
        self._queue.clear()
        self._stamper.resume(*self._place)
        self._is_undone = True
        return undone

    def _at_end(self, gap: FeedStatus) -> FeedStatus:
        """A GAP no younger than the log's end, which a source that has just started does not know.

        So no Tick comes before it, which would be late on a book that is VALID until then.
        """
        local_ns, offset_ns = self._stamper.local_ns, self._stamper._clock_offset_ns  # noqa: SLF001
        times = {"ts_ns": min(gap.ts_ns, local_ns), "recv_ns": min(gap.recv_ns, local_ns - offset_ns)}
        return msgspec.structs.replace(gap, **times)

    def _check(self, root: RootEvent, waiting: Waiting) -> None:
        if not isinstance(root, MarketEvent):
            return
        self._instrument_id = self._instrument_id or root.instrument_id
        if root.instrument_id != self._instrument_id:
            raise ForeignEventError(
                f"root {waiting.number} of {waiting.source}: {type(root).__name__} of {root.instrument_id} in the log "
                f"of {self._instrument_id}; expected a group for each instrument"
            )


def decoded(data: bytes) -> AnyEvent | None:
    """The event of a message, None if it is not one."""
    try:
        return read(decode, data)
    except MalformedError:
        return None
