"""A group in one process: each part on a connection of its own, and each can be killed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.integration.runtime.nodes import small_nodes, stamper
from tests.integration.runtime.server import GROUP, Server

from mm_bus.bus import Bus
from mm_bus.roots import RootSource
from mm_core.events import RootEvent
from mm_core.node import Node
from mm_service.node_loop import NodeLoop
from mm_services.sequencer.sequencer import Sequencer
from mm_wire.subjects import RECORDER

MADE_BY = "the test's configuration"
PATIENCE_S = 90.0


class FragileBus(Bus):
    """Dies at one of its appends or reports, counted from 1: nothing more is sent.

    `flushes`: what was sent before arrives.
    """

    def __init__(self, dies_at: int, *, flushes: bool) -> None:
        super().__init__()
        self.died = asyncio.Event()
        self._left = dies_at
        self._flushes = flushes

    async def publish(self, subject: str, data: bytes, reply: str = "", headers: dict[str, str] | None = None) -> None:
        """As a bus does, until it dies."""
        if headers or ".report." in subject:
            self._left -= 1
            if self._left == 0:
                if self._flushes:
                    await self.client._flush_pending()  # no flush: it would wait for an answer that nobody reads
                self.died.set()
                await asyncio.Event().wait()
        await super().publish(subject, data, reply, headers)


class Group:
    """Starts the parts of one group; all that still live are closed by `running`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.buses: list[Bus] = []
        self.loops: dict[str, NodeLoop] = {}
        self.writer: Sequencer  # the one that was started last
        self._bus_of: dict[str, Bus] = {}

    async def connect(self, bus: Bus | None = None, url: str = "") -> Bus:
        """A connection, which `running` closes."""
        bus = bus or Bus()
        await bus.connect(url or self.url, "test")
        self.buses.append(bus)
        return bus

    async def sequencer(
        self, bus: Bus | None = None, url: str = "", *, by_clock: bool = False, delay_ns_max: int = 0
    ) -> tuple[Bus, Sequencer]:
        """Start a sequencer, or another process of it."""
        bus = await self.connect(bus, url)
        sequencer = Sequencer(bus, GROUP, stamper(), by_clock=by_clock, delay_ns_max=delay_ns_max)
        self.writer = sequencer
        await sequencer.start()
        return bus, sequencer

    async def node(
        self,
        node: Node,
        bus: Bus | None = None,
        url: str = "",
        checkpoint_events: int = 50,
        made_by: str = MADE_BY,
    ) -> NodeLoop:
        """Start a node, or another process of it."""
        bus = self._bus_of[node.name] = await self.connect(bus, url)
        loop = self.loops[node.name] = NodeLoop(bus, GROUP, node, made_by, checkpoint_events)
        await loop.start()
        return loop

    async def nodes(self, nodes: Sequence[Node] | None = None, **options: Any) -> None:
        """Start all nodes; without `nodes` the small ones."""
        for node in nodes or small_nodes():
            await self.node(node, **options)

    async def kill_node(self, name: str) -> None:
        """Kill the connection that a node was started on last."""
        await self.kill(self._bus_of[name])

    async def source(self, name: str = RECORDER, url: str = "", clock_ns: Callable[[], int] = lambda: 0) -> RootSource:
        """Start a source, or another process of it."""
        source = RootSource(await self.connect(url=url), GROUP, name, clock_ns)
        await source.start()
        return source

    async def kill(self, bus: Bus) -> None:
        """What SIGKILL leaves of a part: a closed connection, on which nothing that waited was sent."""
        bus._closing = True
        for work in list(bus._work):
            work.cancel()
        bus.client._pending.clear()
        bus.client._pending_data_size = 0
        transport: Any = bus.client._transport
        transport._quick.wire.abort()
        await bus.client.close()
        self.buses.remove(bus)

    def check(self) -> None:
        """Raise what made a part fail."""
        for bus in self.buses:
            if bus.failed.done():
                bus.failed.result()


@asynccontextmanager
async def running(url: str) -> AsyncIterator[Group]:
    """A group whose failures are the test's."""
    group = Group(url)
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield group
            group.check()
    finally:
        for bus in group.buses:
            bus._closing = True
            for work in list(bus._work):
                work.cancel()
            await bus.client.close()


async def until(holds: Callable[[], bool]) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110 the parts notify nobody
            await asyncio.sleep(0.002)


async def failure(bus: Bus) -> BaseException:
    """What made a part fail."""
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.wait([bus.failed])
    error = bus.failed.exception()
    assert error is not None
    return error


async def publish_all(group: Group, source: RootSource, roots: Sequence[RootEvent], batch: int = 7) -> None:
    """Publish roots and their end, until the log is finished."""
    for first in range(0, len(roots), batch):
        await source.put(roots[first : first + batch])
    await source.end()
    await until(lambda: group.writer.status()["ended"])


async def beside(group: Group, work: Awaitable[Any]) -> None:
    """Await `work`, or the first failure of a part."""
    task = asyncio.ensure_future(work)
    failed = [bus.failed for bus in group.buses]
    await asyncio.wait([task, *failed], return_when=asyncio.FIRST_COMPLETED)
    group.check()
    await task


def with_old_copy(server: Server) -> Path:
    """Begin a log, with nothing but its fence; gives the server's files of then, to be put back later."""

    async def begin() -> None:
        async with running(server.url) as group:
            await group.sequencer()

    asyncio.run(begin())
    server.stop()
    old = server.copy()
    server.start()
    return old
