"""A session with a live source: it does not repeat what it sent before, so after a restart it continues with a GAP."""

from itertools import pairwise

from tests.integration.runtime.nodes import gap, instrument, trade
from tests.simulation.appends import events
from tests.simulation.parts import Group
from tests.simulation.reading import GROUP
from tests.simulation.world import World

from mm_bus.bus import Bus
from mm_bus.roots import RootSource
from mm_core.events import FeedStatus, Root, RootEvent
from mm_wire.codec import decode
from mm_wire.subjects import RECORDER


class Live(Group):
    """Every process of the source publishes `count` trades of its own, behind a GAP."""

    def __init__(self, world: World, count: int) -> None:
        super().__init__(world, [], ())
        self._count = count
        self._lives = 0
        self.published: dict[tuple[int, int], int] = {}  # the process that published a root, by its number and its time
        self.last: list[int] = []  # numbers of the roots of the last process

    async def _source(self, bus: Bus) -> None:
        self._lives += 1
        life, self.last = self._lives, []
        source = RootSource(bus, GROUP, RECORDER)
        number = await source.start()
        source.go_on_behind(number)
        first: RootEvent = instrument() if life == 1 else gap(100 * life)
        for root in (first, *(trade(100 * life + each) for each in range(self._count))):
            self.published[number, root.ts_ns] = life
            self.last.append(number)
            number += 1
            await source.put([root])
        await source.end()
        self.is_published = True

    def wrong(self) -> str:
        """What the log has that the source did not publish, or has not; "" if all is as it must be."""
        found = [(label, decode(data)) for _, label, data in events(self.world)]
        seqs = [root.root_seq for _, root in found if isinstance(root, Root)]
        if seqs != list(range(1, len(found) + 1)):
            return f"the roots of the log are numbered {seqs}"
        roots = [(label.number, root) for label, root in found if label.source == RECORDER]
        if foreign := [number for number, root in roots if (number, root.ts_ns) not in self.published]:
            return f"the source never published roots {foreign}"
        for (before, _), (number, root) in pairwise(roots):
            if number <= before:
                return f"root {number} comes behind {before}"
            if number > before + 1 and not isinstance(root, FeedStatus):
                return f"roots {before + 1} to {number - 1} are missing without a GAP"
        held = [number for number, root in roots if self.published[number, root.ts_ns] == self._lives]
        if held != self.last and not (self._lives > 1 and not held):
            return f"the log holds roots {held} of the last process, which published {self.last}"
        return ""
