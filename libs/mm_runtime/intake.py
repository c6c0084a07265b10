"""The sequencer's side of the roots on their way: which number each source sends next, and which ones the log holds."""

import json
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping

import msgspec
from nats.aio.msg import Msg

from mm_runtime.bus import Bus
from mm_runtime.roots import Roots, Want
from mm_wire.subjects import CONSOLE, root_subject, want_subject

log = logging.getLogger(__name__)

WANT_ROOTS = 64  # a source hears at least so often how far the log is


class Waiting(msgspec.Struct):
    """A root that is not on the log yet, None for the end of its source. `reply`: where an operator waits for word."""

    source: str
    number: int
    data: bytes | None
    reply: str = ""


class Intake:
    """The roots that wait to be appended, in `waiting`, in order. Repeats are dropped, holes are asked for again."""

    def __init__(self, bus: Bus, group: str, on_roots: Callable[[], Awaitable[None]]) -> None:
        self.waiting: deque[Waiting] = deque()
        self.repeated = 0
        self.holes = 0
        self._bus = bus
        self._group = group
        self._on_new = on_roots
        self._next: dict[str, int] = {}  # of each source, the number that it should send next
        self._stored: dict[str, int] = {}  # the last number that the log holds
        self._told: dict[str, int] = {}  # the number that it was told last
        self._appended: deque[tuple[int, Waiting]] = deque()  # roots whose ack is not there yet
        self._decode = msgspec.msgpack.Decoder(Roots).decode
        self._encode = msgspec.msgpack.Encoder().encode

    async def start(self, sources: Mapping[str, int]) -> None:
        """Hear sources; `sources` are the last numbers that the log holds."""
        for source, number in sources.items():
            self._next[source], self._stored[source] = number + 1, number
        await self._bus.subscribe(root_subject(self._group, ">"), self._on_roots)
        for source, number in sources.items():
            await self._want(source, number + 1, again=True)

    def appended(self, seq: int, waiting: Waiting) -> None:
        """A root is on its way into the log."""
        self._appended.append((seq, waiting))

    def dropped(self, waiting: Waiting) -> None:
        """A root, or an end, is behind the end of the log: as good as stored."""
        self._stored[waiting.source] = waiting.number

    async def confirm(self, stored_seq: int) -> None:
        """Tell the sources and the operators how far the log is."""
        while self._appended and self._appended[0][0] <= stored_seq:
            seq, waiting = self._appended.popleft()
            self._stored[waiting.source] = waiting.number
            if waiting.reply:
                await self._bus.publish(waiting.reply, json.dumps({"seq": seq}).encode())
        for source, number in self._stored.items():
            told = self._told.get(source, 0)
            if number + 1 - told >= WANT_ROOTS or (number + 1 > told and not self.waiting):
                await self._want(source, number + 1, again=False)

    async def _on_roots(self, message: Msg) -> None:
        roots = self._decode(message.data)
        source, wanted = roots.source, self._next.setdefault(roots.source, 1)
        if roots.first > wanted and not roots.skips:
            self.holes += 1
            log.info("roots %d to %d of %s are missing: asked for again", wanted, roots.first - 1, source)
            await self._want(source, wanted, again=True)
            return
        wanted = max(wanted, roots.first)
        said: list[bytes | None] = [*roots.events, None] if roots.ends else [*roots.events]
        new = said[wanted - roots.first :] if roots.first else []
        self.repeated += len(said) - len(new)
        if not new:  # it only asked, or repeats what we have: then our word was lost
            await self._want(source, self._stored.get(source, 0) + 1, again=False)
        for number, data in enumerate(new, wanted):
            self.waiting.append(Waiting(source, number, data, message.reply))
        self._next[source] = wanted + len(new)
        await self._on_new()

    async def _want(self, source: str, number: int, *, again: bool) -> None:
        self._told[source] = number
        if not source.startswith(CONSOLE):  # an operator's command is one root, and its answer comes by reply
            await self._bus.publish(want_subject(self._group, source), self._encode(Want(number, again)))
