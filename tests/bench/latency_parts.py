"""Measure: what the parts of a hop cost, at the pace of a quiet market and in a tight loop; median microseconds.

    python tests/bench/latency_parts.py [--seconds 4]

The same work takes several times as long when 100 ms lie before it: caches and branch predictors are cold, and an
idle processor first wakes up. The lines of the wire go through a nats-server of their own. Nothing here is a test.
"""

import argparse
import asyncio
import tempfile
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import perf_counter_ns

import msgspec
import numpy as np
import uvloop
from latency_real import INSTRUMENT, SETTINGS, Market  # type: ignore[import-not-found]  # beside this script
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, StreamConfig
from typer import echo

from mm_bus.label import HEADER, Label
from mm_bus.nats_server import free_port, is_listening, server_command
from mm_bus.reports import Report
from mm_core.events import Event
from mm_core.setup.core import new_core
from mm_core.setup.nodes import new_nodes
from mm_core.setup.warm import warm
from mm_service.config import load_config
from mm_session.supervisor import Supervisor
from mm_wire.codec import decode, encode

RATES = (10, 100, 1_000, 0)  # calls a second; 0: one after the other
LOOPS = 2_000
LOOP_SECONDS = 0.5
LABEL = Label("book_builder", 123_456, 0, 123_450, 32 * "a")
HEADERS = {
    HEADER: LABEL.text,
    "Nats-Expected-Last-Sequence": "123456",
    "Nats-Expected-Last-Subject-Sequence": "1",
    "Nats-Expected-Last-Subject-Sequence-Subject": "mm.main.writer",
}
BLOCK = b"NATS/1.0\r\n" + "".join(f"{key}: {value}\r\n" for key, value in HEADERS.items()).encode() + b"\r\n"
# On the path from a root to its SubmitOrder, and the other one who hears the root.
ON_PATH = ("paper_exchange BookDelta", "book_builder BookDelta", "quoter Book", "risk OrderIntent")
Times = dict[str, int]  # ns of each part
Work = Callable[[], Awaitable[Times]]


async def measure(work: Work, seconds: float) -> None:
    """The lines of one piece of work: its parts at each rate, and how much more they cost at the slowest."""
    medians: dict[str, list[float]] = defaultdict(list)
    for rate in (0, *RATES):  # the first one warms up
        found: dict[str, list[int]] = defaultdict(list)
        for _ in range(round(rate * (seconds if rate < RATES[2] else LOOP_SECONDS)) or LOOPS):
            await asyncio.sleep(1 / rate if rate else 0)
            for name, time_ns in (await work()).items():
                found[name].append(time_ns)
        for name, times_ns in found.items():
            medians[name].append(float(np.median(times_ns)) / 1e3)
    for name, (_, *line) in medians.items():
        echo(f"{name:42}" + "".join(f"{each:9.1f}" for each in line) + f"{line[0] / line[-1]:8.1f}x")


class Nodes:
    """The nodes in one process; each input is decoded, answered and reported as by its service."""

    def __init__(self) -> None:
        settings = load_config(None, SETTINGS)
        warm(settings, INSTRUMENT)
        self._nodes = new_nodes(new_core(settings, INSTRUMENT), INSTRUMENT.instrument_id)
        self._market = Market()
        for event in self._market.opening():
            self._tree(msgspec.structs.replace(event, local_ns=event.recv_ns))

    async def work(self) -> Times:
        """A root with all that follows from it."""
        delta = self._market.delta(moves=True)
        return self._tree(msgspec.structs.replace(delta, local_ns=delta.recv_ns))

    def _tree(self, root: Event) -> Times:
        times: Times = {}
        waiting: list[Event] = [root]
        while waiting:
            data, kind = encode(waiting[0]), type(waiting.pop(0))
            for node in self._nodes:
                if kind in node.inputs:
                    started_ns = perf_counter_ns()
                    said = node.step(decode(data))
                    msgspec.msgpack.encode(Report([(1, [encode(answer) for answer in said])]))
                    name = f"{node.name} {kind.__name__}"
                    if name in ON_PATH:
                        times[f"decode, step, encode: {name}"] = perf_counter_ns() - started_ns
                    waiting += said
        return times


class Headers:
    """What a message's headers cost us, besides the network."""

    def __init__(self) -> None:
        self._client = Client()

    async def work(self) -> Times:
        """To read and to write."""
        times: Times = {}
        started_ns = perf_counter_ns()
        parsed = await self._client._process_headers(BLOCK)
        times["headers read by nats-py"] = perf_counter_ns() - started_ns
        assert parsed is not None
        started_ns = perf_counter_ns()
        Label.of({HEADER: parsed[HEADER]})
        times["label read"] = perf_counter_ns() - started_ns
        started_ns = perf_counter_ns()
        await self._client._send_publish("mm.main.book.state.binance.X", "_INBOX.a.1.2", bytes(300), 300, HEADERS)
        times["message with headers written by nats-py"] = perf_counter_ns() - started_ns
        self._client._pending.clear()
        return times


class Wire:
    """There and back through the server, with two connections of this process."""

    def __init__(self) -> None:
        self._here, self._there = Client(), Client()
        self._came: asyncio.Future[int]

    async def start(self, url: str) -> None:
        """Connect both, and let the other one hear."""
        for client in (self._here, self._there):
            await client.connect(url)
        await self._there.jetstream().add_stream(StreamConfig(name="PARTS", subjects=["stored"]))
        await self._there.subscribe("plain", cb=self._hear)
        await self._there.subscribe("pushed", cb=self._hear)
        config = ConsumerConfig(deliver_subject="pushed", ack_policy=AckPolicy.NONE, mem_storage=True)
        await self._there.jetstream().add_consumer("PARTS", config)
        await self._here.subscribe("acked", cb=self._hear)

    async def stop(self) -> None:
        """Close both."""
        for client in (self._here, self._there):
            await client.close()

    async def _hear(self, _: Msg) -> None:
        if not self._came.done():
            self._came.set_result(perf_counter_ns())

    async def plain(self) -> Times:
        """A plain message, as a report is."""
        return {"wire: publish to heard": await self._send("plain", "")}

    async def pushed(self) -> Times:
        """An append, to the hearer of its push consumer."""
        return {"wire: append to push delivery": await self._send("stored", "")}

    async def _send(self, subject: str, reply: str) -> int:
        self._came = asyncio.get_running_loop().create_future()
        started_ns = perf_counter_ns()
        await self._here.publish(subject, bytes(300), reply)
        return await self._came - started_ns


async def run(seconds: float, folder: Path) -> None:
    """All lines."""
    await measure(Nodes().work, seconds)
    await measure(Headers().work, seconds)
    supervisor, wire, port = Supervisor(folder / "services"), Wire(), free_port(0, "port")
    try:
        await supervisor.start("nats-server", server_command(folder / "bus", port))
        while not await is_listening(port):  # noqa: ASYNC110  # of another process
            await asyncio.sleep(0.01)
        await wire.start(f"nats://127.0.0.1:{port}")
        for work in (wire.plain, wire.pushed):
            await measure(work, seconds)
        await wire.stop()
    finally:
        await supervisor.end_all()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Measure the parts of a hop, cold and warm.")
    parser.add_argument("--seconds", type=float, default=4.0, help="for each line at each of the slow rates")
    options = parser.parse_args()
    echo(f"{'median us':42}" + "".join(f"{f'{rate}/s' if rate else 'loop':>9}" for rate in RATES) + f"{'cold':>9}")
    with tempfile.TemporaryDirectory(prefix="crypto-mm-bench-") as folder:
        uvloop.run(run(options.seconds, Path(folder)))


if __name__ == "__main__":
    main()
