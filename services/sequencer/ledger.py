"""Which answers the log still owes, and the order in which they are appended. Pure: protocol 3 to 6, 8 and 9.

Every event on the log that some node hears is open until all its hearers have reported. Open events form a queue in
log order; when the first one has all its reports, its answers are appended in (rank, index) order and join the queue.
An empty queue is quiescence: the next root may go out. So the log follows from the roots, however reports arrive.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from mm_wire.chain import Entry


class Answer(msgspec.Struct, frozen=True):
    """One answer to append: the input it answers, who said it, which of the node's answers it is, and its bytes."""

    cause: int
    node: str
    index: int
    data: bytes


class LogDiffersError(AssertionError):
    """A node answers an input in another way than the log does: another core, or another configuration."""


class _Open(msgspec.Struct):
    """An event that waits for reports: what each hearer said, in rank order, None until it did.

    `logged` are those of its answers that the log holds already.
    """

    seq: int
    reports: dict[str, Sequence[bytes] | None]
    missing: int
    logged: list[bytes]


class Ledger:
    """The open events of one log; `hearers` names the nodes that hear each kind of event, in rank order."""

    def __init__(self, subscribers: Mapping[str, Sequence[str]]) -> None:
        self.subscribers = subscribers
        self._queue: deque[_Open] = deque()
        self._by_seq: dict[int, _Open] = {}

    @property
    def is_quiescent(self) -> bool:
        """True if nothing is open."""
        return not self._queue

    def appended(self, seq: int, kind: str) -> None:
        """An event now stands in the log; `seq` only ever rises."""
        nodes = self.subscribers[kind]
        if not nodes:
            return
        assert not self._queue or seq > self._queue[-1].seq, f"{seq} after {self._queue[-1].seq}"
        event = _Open(seq, dict.fromkeys(nodes), len(nodes), [])
        self._queue.append(event)
        self._by_seq[seq] = event

    def waits(self, node: str, seq: int) -> bool:
        """False if a report of `node` to the input `seq` would be repeated, late, or of one who does not hear it."""
        event = self._by_seq.get(seq)
        return event is not None and event.reports.get(node, ()) is None

    def report(self, node: str, seq: int, answers: Sequence[bytes]) -> bool:
        """Take what a node answered to the input `seq`; False if nobody waits for it.

        The first report counts. `pop` gives what it set free.
        """
        if not self.waits(node, seq):
            return False
        event = self._by_seq[seq]
        event.reports[node] = answers
        event.missing -= 1
        return True

    def pop(self) -> list[Answer] | None:
        """Finish the first open event if all its reports are there: its answers, to be appended before the next `pop`.

        None if it still waits, or nothing is open. LogDiffersError if answers are not those that the log holds already.
        """
        if not self._queue or self._queue[0].missing:
            return None
        event = self._queue.popleft()
        del self._by_seq[event.seq]
        answers = [
            Answer(event.seq, node, index, data)
            for node, said in event.reports.items()
            for index, data in enumerate(said or ())
        ]
        if [answer.data for answer in answers[: len(event.logged)]] != event.logged:
            raise LogDiffersError(
                f"the log holds other answers to {event.seq} than its nodes give: another core or config"
            )
        return answers[len(event.logged) :]

    def waits_for(self) -> tuple[int, list[str]]:
        """The first open event and the nodes that it waits for; (0, []) when quiescent."""
        if not self._queue:
            return 0, []
        event = self._queue[0]
        return event.seq, [node for node, said in event.reports.items() if said is None]

    def rebuild(self, tree: Iterable[Entry]) -> None:
        """Take up a log at its end: `tree` is the last root and everything behind it.

        Before the last root all is finished, and behind it everything before the cause of the last answer. That cause
        itself may have more answers than the log holds.
        """
        entries = list(tree)
        first_open = max((entry.cause for entry in entries), default=0)
        for entry in entries:
            if entry.seq >= first_open:
                self.appended(entry.seq, entry.kind)
        for entry in entries:
            if first_open and entry.cause == first_open:
                if first_open not in self._by_seq:
                    raise LogDiffersError(f"the log holds answers to {first_open}, which no node hears: another core")
                self._by_seq[first_open].logged.append(entry.data)
