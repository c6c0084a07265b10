"""What a log promises about its roots, checked root by root: `mm_core.stamper`'s rule, implemented a second time.

It starts from the root before as the log has it, so that one wrong root is one difference, and it never makes the
Ticks that a wrong time would lead to.
"""

from typing import Any

import msgspec

from mm_core.events import InstrumentDefined, MarketEvent, RootEvent, Tick
from mm_core.stamper import SILENCE_NS, next_due_ns

_STAMPS = ("ts_ns", "recv_ns", "local_ns", "root_seq")
_FILTERS = tuple(
    name
    for name in InstrumentDefined.__struct_fields__
    if name not in (*_STAMPS, "instrument_id", "venue_symbol", "tick_size", "lot_size")
)
Wrong = tuple[RootEvent, str]  # the right event, and why


class RootCheck:
    """Takes the roots of one log in order; `offset_ns` is the clock offset that the session ran with."""

    def __init__(self, instrument: InstrumentDefined, period_ns: int, offset_ns: int) -> None:
        self._instrument = instrument
        self._period_ns = period_ns
        self._offset_ns = offset_ns
        self._is_defined = False
        self._root_seq = 0
        self._local_ns = 0  # of the last root that decides, Ticks included
        self._root_ns = 0  # of the last root that decides
        self._due_ns = 0  # of the next Tick; 0 before the first deciding root

    def wrong(self, root: RootEvent) -> Wrong | None:
        """The root that is right in the place of this one, and why; None where it is right."""
        root_seq = self._root_seq + 1
        self._root_seq = root.root_seq
        wrong = self._tick(root) if isinstance(root, Tick) else self._market(root)
        if wrong is None and root.root_seq != root_seq:
            wrong = root, "root_seq is not consecutive"
        return wrong and (_with(wrong[0], root_seq=root_seq), wrong[1])

    def _tick(self, tick: Tick) -> Wrong | None:
        due_ns = self._due_ns
        self._local_ns = tick.local_ns
        self._due_ns = next_due_ns(tick.local_ns, self._root_ns, self._period_ns)
        if not due_ns:
            return tick, "a Tick before the first market data"
        if tick.ts_ns == tick.recv_ns == tick.local_ns == due_ns:
            return None
        return _with(tick, ts_ns=due_ns, recv_ns=due_ns, local_ns=due_ns), "not the Tick that is due"

    def _market(self, root: RootEvent) -> Wrong | None:
        """Market data, or an operator's command."""
        local_ns = max(root.recv_ns + self._offset_ns, root.ts_ns, self._local_ns)
        due_ns = self._due_ns
        is_due = False
        if not isinstance(root, InstrumentDefined):  # which move no time
            is_due = 0 < due_ns <= root.local_ns
            if is_due or not due_ns or due_ns - self._root_ns > SILENCE_NS:
                self._due_ns = next_due_ns(root.local_ns, root.local_ns, self._period_ns)
            self._local_ns = self._root_ns = root.local_ns
        if root.local_ns != local_ns:
            return _with(root, local_ns=local_ns), "local_ns is not max(recv_ns + offset, ts_ns, local_ns before)"
        if is_due:
            return Tick(ts_ns=due_ns, recv_ns=due_ns, local_ns=due_ns), "a Tick is missing"
        if isinstance(root, MarketEvent) and root.instrument_id != self._instrument.instrument_id:
            return _with(root, instrument_id=self._instrument.instrument_id), "of another instrument"
        return self._definition(root) if isinstance(root, InstrumentDefined) else None

    def _definition(self, root: InstrumentDefined) -> Wrong | None:
        """The first is the manifest's; a later one may have other filters, but no other tick or lot."""
        own = _STAMPS if not self._is_defined else (*_STAMPS, *_FILTERS)
        self._is_defined = True
        defined = _with(self._instrument, **{name: getattr(root, name) for name in own})
        return None if defined == root else (defined, "not the instrument of the manifest")


def _with(root: RootEvent, **fields: Any) -> RootEvent:
    changed: RootEvent = msgspec.structs.replace(root, **fields)
    return changed
