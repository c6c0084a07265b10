"""Readers of a simulated log, and what they were delivered."""

from mm_bus.bus import Bus
from mm_bus.label import Label
from mm_bus.log_poller import LogPoller
from mm_bus.log_reader import LogReader
from mm_wire.chain import FIRST, Record

GROUP = "sim"


class Reading:
    """What readers were delivered, each by its name, over all its processes."""

    def __init__(self) -> None:
        self.delivered: dict[str, list[tuple[int, bytes]]] = {}
        self.record: Record | None = None  # the last one of the poller

    async def reader(self, bus: Bus, name: str) -> None:
        """Read by push."""
        took = self.delivered.setdefault(name, [])

        async def take(seq: int, _label: Label, data: bytes) -> None:
            took.append((seq, data))

        await LogReader(bus, GROUP, [], take, took[-1][0] + 1 if took else 1).start()

    async def poller(self, bus: Bus, name: str) -> None:
        """Read by requests. The chain continues from the last record that was delivered, fences too."""
        took = self.delivered.setdefault(name, [])

        async def take(record: Record) -> None:
            self.record = record
            if not record.is_fence:
                took.append((record.seq, record.data))

        last = self.record
        await LogPoller(bus, GROUP, take, last.seq + 1 if last else 1, last.name if last else FIRST).start()

    def is_at(self, seq: int) -> bool:
        """True if every reader was delivered event `seq`."""
        return all(took and took[-1][0] >= seq for took in self.delivered.values())
