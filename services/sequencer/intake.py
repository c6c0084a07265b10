"""The sequencer's side of the roots on their way: which number each source sends next, and which ones the log holds."""

import json
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping

import msgspec

from mm_bus.bus import Bus
from mm_bus.malformed import MalformedError, read
from mm_bus.messages import Msg
from mm_bus.roots import Roots, Want
from mm_wire.subjects import CONSOLE, request_subject, root_subject

log = logging.getLogger(__name__)

WANT_ROOTS = 64  # a source hears at least so often how far the log is


class Waiting(msgspec.Struct):
    """A root that is not on the log yet, None for the end of its source. `reply`: where an operator waits for word.

    `refused`: why it never will be.
    """

    source: str
    number: int
    data: bytes | None
    reply: str = ""
    refused: str = ""


class Intake:
    """The roots that wait to be appended, in `waiting`, in order. Repeats are dropped, holes are asked for again.

    `on_clock` gets the clock that a source sends, and whether its process has just started; `on_skip` is called before
    roots are taken whose source has given up what it sent before, and tells whether these are to be given up here too.
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
        self._told: dict[str, int] = {}  # the number that it was told last
        self._asked: dict[str, int] = {}  # the number behind which it was asked to say all again
        self._answers: dict[str, bytes] = {}  # what operators were told, who may ask again
        self._appended: deque[tuple[int, Waiting]] = deque()  # roots whose ack is not there yet
        self._decode = msgspec.msgpack.Decoder(Roots).decode
        self._encode = msgspec.msgpack.Encoder().encode

    async def start(
        self, sources: Mapping[str, int], command: tuple[str, int] | None, *, is_closed: bool = False
    ) -> None:
        """Hear sources; `sources` are the last numbers that the log holds, `command` is the last operator's.

        `is_closed`: the log has ended; all that comes is dropped, so nothing of it is missing.
        """
        self._is_closed = is_closed
        for source, number in sources.items():
            self._next[source], self._stored[source] = number + 1, number
        if command is not None:
            source, seq = command
            self._next[source], self._answers[source] = 2, _answer(seq, "")
        await self._bus.subscribe(root_subject(self._group, ">"), self._on_roots)
        for source in sources:
            await self._want(source, again=True)

    @property
    def is_owing(self) -> bool:
        """True if someone was not told yet that a root of his is stored, or could not be."""
        return bool(self._appended)

    def appended(self, seq: int, waiting: Waiting) -> None:
        """A root is on its way into the log, or it is refused and counts as stored when `seq` is."""
        self._appended.append((seq, waiting))

    async def confirm(self, stored_seq: int) -> None:
        """Tell the sources and the operators how far the log is."""
        while self._appended and self._appended[0][0] <= stored_seq:
            seq, waiting = self._appended.popleft()
            if waiting.source.startswith(CONSOLE):
                answer = self._answers[waiting.source] = _answer(seq, waiting.refused)
                await self._bus.publish(waiting.reply, answer)
            else:
                self._stored[waiting.source] = waiting.number
        for source, number in self._stored.items():
            told = self._told.get(source, 0)
            if number + 1 - told >= WANT_ROOTS or (number + 1 > told and not self.waiting):
                await self._want(source, again=False)

    async def _on_roots(self, message: Msg) -> None:
        roots = read(self._decode, message.data)
        if message.subject != root_subject(self._group, roots.source):  # who may publish there is who says them
            raise MalformedError(f"roots of {roots.source[:40]!r}")
        if roots.sent_ns:
            self._on_clock(roots.sent_ns, roots.first == 0)
        source, wanted = roots.source, self._next.setdefault(roots.source, 1)
        if roots.first > wanted and not (roots.skips or self._is_closed):
            await self._on_hole(source, wanted, roots.first)
            return
        wanted = max(wanted, roots.first)
        said: list[bytes | None] = [*roots.events, None] if roots.ends else [*roots.events]
        new = said[wanted - roots.first :] if roots.first else []
        self.repeated += len(said) - len(new)
        arrived = [Waiting(source, number, data, message.reply) for number, data in enumerate(new, wanted)]
        if roots.skips and wanted == roots.first and arrived and self._on_skip():
            self._replace(source, arrived)
        else:
            self.waiting += arrived
        self._next[source] = wanted + len(new)
        if not new:  # it only asks, or repeats what we have: then our word was lost
            await self._say_again(source, message.reply)
        await self._on_new()

    def _replace(self, source: str, arrived: list[Waiting]) -> None:
        """These, in front of all that waits, instead of what waits of their source."""
        others = [waiting for waiting in self.waiting if waiting.source != source]
        self.waiting = deque([*arrived, *others])

    async def ask_gap(self, late_ns: int) -> None:
        """Have the sources of market data give up what waits, which is late."""
        for source in [each for each in self._next if not each.startswith(CONSOLE)]:
            await self._want(source, again=False, late_ns=late_ns)

    async def _on_hole(self, source: str, wanted: int, first: int) -> None:
        """Ask once: what is on its way already shows the same hole, and a source repeats by itself in the end."""
        if self._asked.get(source) == wanted:
            return
        self._asked[source] = wanted
        self.holes += 1
        log.info("roots %d to %d of %s are missing: asked for again", wanted, first - 1, source)
        await self._want(source, again=True)

    async def _say_again(self, source: str, reply: str) -> None:
        if not source.startswith(CONSOLE):
            await self._want(source, again=False)
        elif source in self._answers:
            await self._bus.publish(reply, self._answers[source])

    async def _want(self, source: str, *, again: bool, late_ns: int = 0) -> None:
        """Tell a source what is stored, which it need not keep, and what has come."""
        number = self._told[source] = self._stored.get(source, 0) + 1
        want = Want(number, again, self._next[source], late_ns)
        await self._bus.publish(request_subject(self._group, source), self._encode(want))


def _answer(seq: int, refused: str) -> bytes:
    return json.dumps({"seq": 0, "error": refused} if refused else {"seq": seq}).encode()
