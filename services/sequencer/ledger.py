"""Which reports the log waits for, and the order in which the nodes' outputs are appended. Pure; see docs/log.md.

Every event on the log is open until all nodes that subscribe to it have reported. Open events form a queue in
log order; when the first one has all its reports, its outputs are appended in (rank, index) order and join the queue.
An empty queue is quiescence: the next root may go out. So the log follows from the roots, however reports arrive.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from mm_wire.chain import Entry


class Output(msgspec.Struct, frozen=True):
    """One output to append: the sequence of its input, the node, its index among the node's outputs, and its bytes."""

    cause: int
    node: str
    index: int
    data: bytes


class LogDiffersError(AssertionError):
    """A node's outputs for an input are not those that the log holds: another core, or another configuration."""


class _Open(msgspec.Struct):
    """An event that waits for reports: the outputs of each subscriber, in rank order, None until it has reported.

    `logged` are those of the outputs that the log holds already.
    """

    seq: int
    reports: dict[str, Sequence[bytes] | None]
    missing: int
    logged: list[bytes]


class Ledger:
    """The open events of one log; `subscribers` names the nodes that subscribe to each kind of event, in rank order."""

    def __init__(self, subscribers: Mapping[str, Sequence[str]]) -> None:
        self.subscribers = subscribers
        self._queue: deque[_Open] = deque()
        self._by_seq: dict[int, _Open] = {}

    @property
    def is_quiescent(self) -> bool:
        """True if nothing is open."""
        return not self._queue

    def appended(self, seq: int, kind: str) -> None:
        """An event is on the log now; `seq` only ever rises."""
        nodes = self.subscribers[kind]
        if not nodes:
            return
        assert not self._queue or seq > self._queue[-1].seq, f"{seq} after {self._queue[-1].seq}"
        event = _Open(seq, dict.fromkeys(nodes), len(nodes), [])
        self._queue.append(event)
        self._by_seq[seq] = event

    def waits(self, node: str, seq: int) -> bool:
        """False if a report of `node` on the input `seq` would be repeated, late, or of no subscriber."""
        event = self._by_seq.get(seq)
        return event is not None and event.reports.get(node, ()) is None

    def report(self, node: str, seq: int, outputs: Sequence[bytes]) -> bool:
        """Take a node's outputs for the input `seq`; False if its report is not waited for.

        The first report counts. `pop` returns what it completes.
        """
        if not self.waits(node, seq):
            return False
        event = self._by_seq[seq]
        event.reports[node] = outputs
        event.missing -= 1
        return True

    def pop(self) -> list[Output] | None:
        """Finish the first open event if all its reports are there: its outputs, to be appended before the next `pop`.

        None if it still waits, or nothing is open. LogDiffersError if they are not those that the log holds already.
        """
        if not self._queue or self._queue[0].missing:
            return None
        event = self._queue.popleft()
        del self._by_seq[event.seq]
        outputs = [
            Output(event.seq, node, index, data)
            for node, reported in event.reports.items()
            for index, data in enumerate(reported or ())
        ]
        if [output.data for output in outputs[: len(event.logged)]] != event.logged:
            raise LogDiffersError(
                f"the log holds other outputs for {event.seq} than its nodes give: another core or config"
            )
        return outputs[len(event.logged) :]

    def waits_for(self) -> tuple[int, list[str]]:
        """The first open event and the nodes that it waits for; (0, []) when quiescent."""
        if not self._queue:
            return 0, []
        event = self._queue[0]
        return event.seq, [node for node, reported in event.reports.items() if reported is None]

    def rebuild(self, tree: Iterable[Entry]) -> None:
        """Take up a log at its end: `tree` is the last root and everything behind it.

        Before the last root all is finished, and behind it everything before the cause of the last output. That cause
        itself may have more outputs than the log holds.
        """
        entries = list(tree)
        first_open = max((entry.cause for entry in entries), default=0)
        for entry in entries:
            if entry.seq >= first_open:
                self.appended(entry.seq, entry.kind)
        for entry in entries:
            if first_open and entry.cause == first_open:
                if first_open not in self._by_seq:
                    raise LogDiffersError(
                        f"the log holds outputs for {first_open}, to which no node subscribes: another core"
                    )
                self._by_seq[first_open].logged.append(entry.data)
