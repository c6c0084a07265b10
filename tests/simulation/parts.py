"""The processes of a simulated session: each runs the unmodified code of the services over a bus of its own."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from unittest import mock

from tests.integration.runtime.nodes import small_nodes, stamper
from tests.simulation.client import SimClient
from tests.simulation.loop import Process
from tests.simulation.reading import GROUP, Reading
from tests.simulation.server import Server
from tests.simulation.stream import matches
from tests.simulation.world import World

from mm_bus.bus import Bus
from mm_bus.roots import RootSource
from mm_core.node import Node
from mm_service.node_loop import NodeLoop, defined_instrument
from mm_services.sequencer.sequencer import Sequencer
from mm_wire.subjects import RECORDER, SEQUENCER, kind_subject, writer_subject

FENCES = writer_subject(GROUP)
RESTART_S = 0.2
Start = Callable[[Bus], Awaitable[None]]


class SimBus(Bus):
    """A bus over the server of a simulation, which stops its process when something fails."""

    def __init__(self, world: World, process: Process) -> None:
        with mock.patch("mm_bus.bus.QuickClient", partial(SimClient, world, process)):
            super().__init__()
        self.failed.add_done_callback(lambda failed: world.fail(process, failed.exception() or AssertionError()))


class Session:
    """Starts processes by name, and again when they were killed."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.starts: dict[str, Start] = {}
        self.processes: dict[str, Process] = {}
        self.kills = 0
        Server(world)
        world.on_kill = self._on_kill

    def start(self, name: str, start: Start) -> Process:
        """Start a process; killed, it is started again in the same way."""
        self.starts[name] = start
        process = self.processes[name] = Process(name)
        self.world.spawn(process, lambda: self._run(process, start))
        return process

    async def _run(self, process: Process, start: Start) -> None:
        bus = SimBus(self.world, process)
        await bus.connect("", process.name)
        await start(bus)

    def _on_kill(self, process: Process) -> None:
        self.kills += 1
        name = process.name
        if self.processes.get(name) is process:
            self.world.loop.call_later(RESTART_S, self._again, name, process, context=self.world.server.context)

    def _again(self, name: str, killed: Process) -> None:
        if self.processes[name] is killed:
            self.start(name, self.starts[name])


class Group(Session):
    """A session of a source, a sequencer and nodes. `names`: which of the small nodes there are."""

    def __init__(self, world: World, roots: list[Any], names: tuple[str, ...], *, reads: bool = False) -> None:
        super().__init__(world)
        self.reading = Reading()
        self.roots = roots
        self.names = names
        self.is_published = False
        self.nodes: dict[str, Node] = {}
        self.loops: dict[str, NodeLoop] = {}
        self.writers: dict[str, Sequencer] = {}
        self._reads = reads

    def begin(self) -> None:
        """Start the sequencer, and when it listens everything else."""
        self.start_sequencer()

    def _begin_others(self) -> None:
        self.world.on_second = lambda: self.start_sequencer(f"second-{SEQUENCER}")
        for name in self.names:
            self.start(name, lambda bus, name=name: self._node(bus, name))  # type: ignore[misc]
        if self._reads:
            self.start("poller", lambda bus: self.reading.poller(bus, "poller"))
            self.start("reader", lambda bus: self.reading.reader(bus, "reader"))
        self.start(RECORDER, self._source)

    def start_sequencer(self, name: str = SEQUENCER) -> None:
        """Start one, beside another one that may live."""
        self.start(name, lambda bus: self._sequencer(bus, name))

    async def _sequencer(self, bus: Bus, name: str) -> None:
        started = self.writers[name] = Sequencer(bus, GROUP, stamper())
        await started.start()
        if RECORDER not in self.starts:
            self._begin_others()

    async def _node(self, bus: Bus, name: str) -> None:
        await defined_instrument(bus, GROUP)
        node = self.nodes[name] = next(node for node in small_nodes() if node.name == name)
        loop = self.loops[name] = NodeLoop(bus, GROUP, node, "simulated", 4)
        await loop.start()

    async def _source(self, bus: Bus) -> None:
        source = RootSource(bus, GROUP, RECORDER)
        await source.start()
        for first in range(0, len(self.roots), 2):
            await source.put(self.roots[first : first + 2])
        await source.end()
        self.is_published = True

    def is_finished(self) -> bool:
        """True when the log has ended, the source knows it, and every node has read what the log holds for it."""
        living = [writer for name, writer in self.writers.items() if self.processes[name].error is None]
        if not self.is_published or not any(writer.status()["ended"] for writer in living):
            return False
        log = self.world.server.log()
        for name in self.names:
            reader = getattr(self.loops.get(name), "reader", None)
            if reader is None or reader.next_seq <= last_for(log, self.nodes[name]):
                return False
        return self.reading.is_at(max(seq for seq, stored in log.messages.items() if stored.subject != FENCES))


def last_for(log: Any, node: Node) -> int:
    """The last message of the log that a node reads."""
    patterns = [kind_subject(GROUP, kind) for kind in node.inputs]
    for seq in reversed(log.messages):
        if any(matches(pattern, log.messages[seq].subject) for pattern in patterns):
            return int(seq)
    return 0
