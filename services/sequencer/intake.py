"""The sequencer's side of the roots on their way: which number each source sends next, and which ones the log holds."""

import json
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping

import msgspec

from mm_bus.bus import Bus
from mm_bus.malformed import MalformedError, read
from mm_bus.messages import Msg
from mm_bus.roots import Roots, RootsAck
from mm_wire.subjects import CONSOLE, ack_subject, root_subject

log = logging.getLogger(__name__)

ACK_ROOTS = 64  # a source gets an ack at least so often


class Waiting(msgspec.Struct):
    """A root that is not on the log yet, None for the end of its source. `reply`: where the reply to an operator goes.

    `refused`: why it never will be.
    """

    source: str
    number: int
    data: bytes | None
    reply: str = ""
    refused: str = ""


class Intake:
    """The roots that wait to be appended, in `waiting`, in order. Repeats are dropped, holes are requested again.

    `on_clock` gets the clock that a source sends, and whether its process has just started; `on_skip` is called before
    roots are taken whose source has given up what it sent before, and returns whether to give these up here too.
    """

    def __init__(
        self,
        bus: Bus,
        group: str,
        on_roots: Callable[[], Awaitable[None]],
        on_clock: Callable[[int, bool], object],
        on_skip: Callable[[], bool],
    ) -> None:
        self.waiting: deque[Waiting] = deque()
        self.repeated = 0
        self.holes = 0
        self._is_closed = False
        self._bus = bus
        self._group = group
        self._on_new = on_roots
        self._on_clock = on_clock
        self._on_skip = on_skip
        self._next: dict[str, int] = {}  # of each source, the number that it should send next
        self._stored: dict[str, int] = {}  # the last number that the log holds
        self._acked: dict[str, int] = {}  # the number of its last ack
        self._holes: dict[str, int] = {}  # the number of its last hole
        self._replies: dict[str, bytes] = {}  # the replies to operators, who may repeat their command
        self._appended: deque[tuple[int, Waiting]] = deque()  # roots whose ack is not there yet
        self._decode = msgspec.msgpack.Decoder(Roots).decode
        self._encode = msgspec.msgpack.Encoder().encode

    async def start(
        self, sources: Mapping[str, int], command: tuple[str, int] | None, *, is_closed: bool = False
    ) -> None:
        """Subscribe; `sources` are the last numbers of each that the log holds, `command` is the last operator's.

        `is_closed`: the log has ended; all that comes is dropped, so nothing of it is missing.
        """
        self._is_closed = is_closed
        for source, number in sources.items():
            self._next[source], self._stored[source] = number + 1, number
        if command is not None:
            source, seq = command
            self._next[source], self._replies[source] = 2, _reply(seq, "")
        await self._bus.subscribe(root_subject(self._group, ">"), self._on_roots)
        for source in sources:
            await self._send_ack(source, resend=True)

    @property
    def is_ack_due(self) -> bool:
        """True if a source or operator has no ack yet for a root that was stored or refused."""
        return bool(self._appended)

    def appended(self, seq: int, waiting: Waiting) -> None:
        """A root is on its way into the log, or it is refused and counts as stored when `seq` is."""
        self._appended.append((seq, waiting))

    async def confirm(self, stored_seq: int) -> None:
        """Ack what is stored to its sources and operators."""
        while self._appended and self._appended[0][0] <= stored_seq:
            seq, waiting = self._appended.popleft()
            if waiting.source.startswith(CONSOLE):
                reply = self._replies[waiting.source] = _reply(seq, waiting.refused)
                await self._bus.publish(waiting.reply, reply)
            else:
                self._stored[waiting.source] = waiting.number
        for source, number in self._stored.items():
            acked = self._acked.get(source, 0)
            if number + 1 - acked >= ACK_ROOTS or (number + 1 > acked and not self.waiting):
                await self._send_ack(source, resend=False)

    async def _on_roots(self, message: Msg) -> None:
        roots = read(self._decode, message.data)
        if message.subject != root_subject(self._group, roots.source):  # who may publish there is their source
            raise MalformedError(f"roots of {roots.source[:40]!r}")
        if roots.sent_ns:
            self._on_clock(roots.sent_ns, roots.first == 0)
        source, expected = roots.source, self._next.setdefault(roots.source, 1)
        if roots.first > expected and not (roots.skips or self._is_closed):
            await self._on_hole(source, expected, roots.first)
            return
        expected = max(expected, roots.first)
        sent: list[bytes | None] = [*roots.events, None] if roots.ends else [*roots.events]
        new = sent[expected - roots.first :] if roots.first else []
        self.repeated += len(sent) - len(new)
        arrived = [Waiting(source, number, data, message.reply) for number, data in enumerate(new, expected)]
        if roots.skips and expected == roots.first and arrived and self._on_skip():
            self._replace(source, arrived)
        else:
            self.waiting += arrived
        self._next[source] = expected + len(new)
        if not new:  # it only asks for an ack, or repeats what we have: then our ack was lost
            await self._reply_again(source, message.reply)
        await self._on_new()

    def _replace(self, source: str, arrived: list[Waiting]) -> None:
        """These, in front of all that waits, instead of what waits of their source."""
        others = [waiting for waiting in self.waiting if waiting.source != source]
        self.waiting = deque([*arrived, *others])

    async def request_gap(self, late_ns: int) -> None:
        """Have the sources of market data give up what waits, which is late."""
        for source in [each for each in self._next if not each.startswith(CONSOLE)]:
            await self._send_ack(source, resend=False, late_ns=late_ns)

    async def _on_hole(self, source: str, expected: int, first: int) -> None:
        """Request once: what is on its way already shows the same hole, and a source repeats by itself in the end."""
        if self._holes.get(source) == expected:
            return
        self._holes[source] = expected
        self.holes += 1
        log.info("roots %d to %d of %s are missing: requested again", expected, first - 1, source)
        await self._send_ack(source, resend=True)

    async def _reply_again(self, source: str, reply: str) -> None:
        if not source.startswith(CONSOLE):
            await self._send_ack(source, resend=False)
        elif source in self._replies:
            await self._bus.publish(reply, self._replies[source])

    async def _send_ack(self, source: str, *, resend: bool, late_ns: int = 0) -> None:
        """Report to a source what is stored, which it may drop, and what has come."""
        number = self._acked[source] = self._stored.get(source, 0) + 1
        ack = RootsAck(number, resend, self._next[source], late_ns)
        await self._bus.publish(ack_subject(self._group, source), self._encode(ack))


def _reply(seq: int, refused: str) -> bytes:
    return json.dumps({"seq": 0, "error": refused} if refused else {"seq": seq}).encode()
