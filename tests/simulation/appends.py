"""A session of appenders and readers alone: no sequencer decides here what is appended, so every append is a case."""

import asyncio
from typing import Any

from tests.integration.runtime.nodes import trade
from tests.simulation import world as w
from tests.simulation.parts import Session
from tests.simulation.reading import GROUP, Reading
from tests.simulation.world import World

from mm_bus.bus import Bus
from mm_bus.label import Label
from mm_services.sequencer.appender import Appender
from mm_wire.codec import encode
from mm_wire.subjects import subject, writer_subject

FIRST = "appender"
SECOND = "second-appender"
SECOND_COUNT = 2  # few, so that its events may end just where those of the first one would
ACKED_EVERY = 2
TAKEN_S = 0.08


class Appends(Session):
    """One appender of `count` events, a second one by the schedule, and readers.

    `pause_s`: between two events, so that some come while the appender looks up the end of the stream; the second one
    then takes the log over by itself, after TAKEN_S, and appends nothing.
    """

    def __init__(self, world: World, count: int, *, reads: bool, pause_s: float = 0.0) -> None:
        super().__init__(world)
        self.count = count
        self.reading = Reading()
        self.appenders: dict[str, Appender] = {}
        self.done: dict[str, bool] = {}
        self._reads = reads
        self._pause_s = pause_s

    def begin(self) -> None:
        """Start the appender; readers when there is a stream."""
        self.start(FIRST, lambda bus: self._append(bus, FIRST))

    def _begin_others(self) -> None:
        self.world.on_second = self._begin_second
        if self._reads:
            self.start("reader", lambda bus: self.reading.reader(bus, "reader"))
            self.start("poller", lambda bus: self.reading.poller(bus, "poller"))

        if self._pause_s:
            self.world.loop.call_later(TAKEN_S, self._begin_second, context=self.world.server.context)

    def _begin_second(self) -> None:
        if SECOND in self.starts:
            return
        self.world.happened.append(w.SECOND)
        self.start(SECOND, lambda bus: self._append(bus, SECOND))

    def count_of(self, name: str) -> int:
        """How many events an appender has."""
        if name == FIRST:
            return self.count
        return 0 if self._pause_s else SECOND_COUNT

    async def _append(self, bus: Bus, name: str) -> None:
        """Append what the log does not hold of ours."""
        self.done[name] = False
        appender = self.appenders[name] = Appender(bus, GROUP)
        await appender.take()
        if len(self.starts) == 1 and not self.kills:
            self._begin_others()
        held = sum(label.source == name for _, label, _ in events(self.world))
        await appender.start(lambda: None)
        count = self.count_of(name)
        for number in range(held, count):
            if self._pause_s and number > held:
                await asyncio.sleep(self._pause_s)
            event = trade(number)
            label = Label(name, number, 0, 1, appender.writer)
            is_acked = number % ACKED_EVERY == 0 or number == count - 1
            await appender.append(subject(GROUP, event), label, encode(event), acked=is_acked)
        self.done[name] = True

    def is_finished(self) -> bool:
        """True when every appender that lives knows that all is stored, and readers have it."""
        living = [name for name in self.appenders if self.processes[name].error is None]
        for name in living:
            appender = self.appenders[name]
            if not self.done[name] or not self.processes[name].is_alive or appender.stored_seq != appender.last_seq:
                return False
        last = events(self.world)
        return not last or self.reading.is_at(last[-1][0])


def events(world: World) -> list[tuple[int, Label, bytes]]:
    """What the log holds: sequence, label and data of each event."""
    log: Any = world.server.log()
    if log is None:
        return []
    fence = writer_subject(GROUP)
    return [
        (stored.seq, Label.of(stored.headers), stored.data)
        for stored in log.messages.values()
        if stored.subject != fence
    ]
