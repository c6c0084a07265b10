"""Stamps root events and inserts Ticks. Pure; live, in replay and offline it is this code.

`local_ns = max(recv_ns + clock_offset_ns, ts_ns, local_ns of the last root)`. Ticks are UTC multiples of the period,
from the first one after the first root; each comes before the first root at or after it.

A definition of the instrument decides nothing: it is stamped by the same rule but moves no time. The maximum runs over
deciding roots only, and Ticks come before deciding roots only, so that a log and its tape, which has the definition
beside its rows, lead to the same Ticks.

Ticks of a long silence are few: after SILENCE_NS without a deciding root one comes a minute, so that a day without
data, or a time a day ahead, is some thousand Ticks and not 864,000. The next deciding root ends that.
"""

import msgspec

from mm_core.events import InstrumentDefined, Root, RootEvent, Tick

SILENCE_NS = 600_000_000_000
SPARSE_NS = 60_000_000_000


def next_due_ns(after_ns: int, root_ns: int, period_ns: int) -> int:
    """When the next Tick after `after_ns` is due; the last deciding root is of `root_ns`."""
    if after_ns - root_ns >= SILENCE_NS:
        period_ns = max(period_ns, SPARSE_NS)
    return (after_ns // period_ns + 1) * period_ns


class Stamper:
    """Numbers the roots of one log from 1, Ticks included."""

    def __init__(self, period_ns: int, clock_offset_ns: int = 0) -> None:
        self._period_ns = period_ns
        self._clock_offset_ns = clock_offset_ns
        self.root_seq = 0  # of the last root
        self.local_ns = 0  # of the last deciding root or Tick
        self._root_ns = 0  # of the last deciding root
        self._due_ns = 0  # of the next Tick; 0 before the first deciding root

    def stamp(self, root: RootEvent) -> list[RootEvent]:
        """What to append for the next root: the Ticks that are due before it, and the root with its stamps."""
        local_ns = max(root.recv_ns + self._clock_offset_ns, root.ts_ns, self.local_ns)
        if isinstance(root, InstrumentDefined):
            return [self._stamped(root, local_ns)]
        stamped: list[RootEvent] = []
        while 0 < self._due_ns <= local_ns:
            stamped += self.finish()
        self.local_ns = self._root_ns = local_ns
        self._due_ns = next_due_ns(local_ns, local_ns, self._period_ns)
        stamped.append(self._stamped(root, local_ns))
        return stamped

    def finish(self) -> list[RootEvent]:
        """The next Tick, which also ends the data; none before the first deciding root."""
        if not self._due_ns:
            return []
        due_ns = self.local_ns = self._due_ns
        self._due_ns = next_due_ns(due_ns, self._root_ns, self._period_ns)
        return [self._stamped(Tick(ts_ns=due_ns, recv_ns=due_ns), due_ns)]

    def resume(self, root_seq: int, local_ns: int, root_ns: int) -> None:
        """Continue a log whose last root is `root_seq`.

        Its last deciding root or Tick was at `local_ns`, its last deciding root at `root_ns`.
        """
        self.root_seq = root_seq
        self.local_ns = local_ns
        self._root_ns = root_ns
        self._due_ns = next_due_ns(local_ns, root_ns, self._period_ns) if local_ns else 0

    @property
    def due_ns(self) -> int:
        """When the next Tick is due; 0 before the first deciding root."""
        return self._due_ns

    def _stamped(self, root: Root, local_ns: int) -> RootEvent:
        self.root_seq += 1
        stamped: RootEvent = msgspec.structs.replace(root, local_ns=local_ns, root_seq=self.root_seq)  # type: ignore[assignment]
        return stamped
