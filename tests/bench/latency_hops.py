"""The processes of a bare chain: messages pass as in the real one, but nothing is decided, decoded or checked.

The writer appends the first stage of a plan to a stream in files. Its hearers get that through push consumers and
report to the writer by plain messages; when all of them have, it appends the next stage. A root that moves nothing
ends with its first reports. Like the sequencer, the writer takes the next root when the last one is through, and
hears the acks of its appends.

    python tests/bench/latency_hops.py <url> <chain> writer <plan>
    python tests/bench/latency_hops.py <url> <chain> <hearer> <plan>

A plan is the JSON of `Plan`. Every message begins with STAMPS: whether the chain goes on, and when the hearer that
reported last heard its input and the writer its report, both in ns of the wall clock.
"""

import asyncio
import signal
import struct
import sys
from collections import deque
from time import time_ns

import msgspec
import uvloop
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, StorageType, StreamConfig

WRITER = "writer"
TELL = 64  # the writer tells how far it is at least so often, as the sequencer does
STAMPS = struct.Struct(">?qq")
QUIET_BYTES = 20  # of a report without answers


class Append(msgspec.Struct, frozen=True):
    """One append: its bytes, and those of the reports to it by hearer."""

    size: int
    reports: dict[str, int]


class Plan(msgspec.Struct, frozen=True):
    """What is appended in each stage, and the path from root to end: a place in each stage, and who leads on."""

    stages: list[list[Append]]
    path: list[int]
    leads: list[str]

    def thin(self) -> "Plan":
        """The path alone: in each stage one append, heard by the one that leads on, and the last by nobody."""
        path = [stage[at] for stage, at in zip(self.stages, self.path, strict=True)]
        heard = [Append(each.size, {lead: each.reports[lead]}) for each, lead in zip(path, self.leads, strict=False)]
        return Plan([[each] for each in (*heard, Append(path[-1].size, {}))], [0] * len(path), self.leads)

    def subscribers(self) -> list[str]:
        """Everyone who hears something."""
        return sorted({subscriber for stage in self.stages for append in stage for subscriber in append.reports})


def log_subject(chain: str, stage: int, place: int) -> str:
    """Where an append goes."""
    return f"{chain}.log.{stage}.{place}"


class Writer:
    """Appends the stages of a plan."""

    def __init__(self, client: Client, chain: str, plan: Plan) -> None:
        self._client = client
        self._chain = chain
        self._appends = [
            [(log_subject(chain, number, at), _padding(each.size)) for at, each in enumerate(stage)]
            for number, stage in enumerate(plan.stages)
        ]
        self._reports = [sum(len(each.reports) for each in stage) for stage in plan.stages]
        self._waiting: deque[bytes] = deque()
        self._stage = self._missing = 0
        self._open = False
        self._taken = self._told = self._sent = self._acks = 0
        self._inbox = client.new_inbox()

    async def start(self) -> None:
        """Hear acks, reports and roots."""
        await self._client.subscribe(self._inbox, cb=self._on_ack)
        await self._client.subscribe(f"{self._chain}.report", cb=self._on_report)
        await self._client.subscribe(f"{self._chain}.root", cb=self._on_root)

    async def _on_root(self, message: Msg) -> None:
        self._waiting.append(message.data)
        if not self._open:
            await self._next_root()

    async def _on_report(self, message: Msg) -> None:
        heard_ns = time_ns()
        goes_on, hop_ns, _ = STAMPS.unpack_from(message.data)
        self._missing -= 1
        if not self._missing and goes_on and self._stage + 1 < len(self._appends):
            await self._append(self._stage + 1, STAMPS.pack(True, hop_ns, heard_ns))
        if not self._missing:
            self._open = False
            if self._waiting:
                await self._next_root()
            await self._tell()

    async def _next_root(self) -> None:
        self._open = True
        self._taken += 1
        await self._append(0, self._waiting.popleft()[: STAMPS.size])

    async def _append(self, stage: int, stamps: bytes) -> None:
        self._stage, self._missing = stage, self._reports[stage]
        self._sent += len(self._appends[stage])
        for subject, padding in self._appends[stage]:
            await self._client.publish(subject, stamps + padding, self._inbox)

    async def _on_ack(self, _: Msg) -> None:
        self._acks += 1
        await self._tell()

    async def _tell(self) -> None:
        """How many roots are through, when all are stored or many have passed."""
        is_idle = self._acks == self._sent and not self._open
        if is_idle or self._taken - self._told >= TELL:
            self._told = self._taken
            await self._client.publish(f"{self._chain}.done", str(self._taken - self._open).encode())


class Hearer:
    """Hears its part of the stream and reports."""

    def __init__(self, client: Client, chain: str, plan: Plan, name: str) -> None:
        self._client = client
        self._chain = chain
        self._padding = {
            log_subject(chain, number, at): _padding(each.reports[name])
            for number, stage in enumerate(plan.stages)
            for at, each in enumerate(stage)
            if name in each.reports
        }

    async def start(self) -> None:
        """Hear the stream from here on."""
        inbox = self._client.new_inbox()
        await self._client.subscribe(inbox, cb=self._hear)
        config = ConsumerConfig(
            deliver_subject=inbox,
            deliver_policy=DeliverPolicy.NEW,
            filter_subjects=list(self._padding),
            ack_policy=AckPolicy.NONE,
            max_deliver=1,
            mem_storage=True,
        )
        await self._client.jetstream().add_consumer(self._chain, config)

    async def _hear(self, message: Msg) -> None:
        heard_ns = time_ns()
        goes_on = bool(message.data[0])
        padding = self._padding[message.subject] if goes_on else bytes(QUIET_BYTES - STAMPS.size)
        await self._client.publish(f"{self._chain}.report", STAMPS.pack(goes_on, heard_ns, 0) + padding)


def _padding(size: int) -> bytes:
    return bytes(max(0, size - STAMPS.size))


async def make_stream(client: Client, chain: str) -> None:
    """The stream of a bare chain, which has its name."""
    config = StreamConfig(name=chain, subjects=[f"{chain}.log.>"], storage=StorageType.FILE)
    await client.jetstream().add_stream(config)


async def _main(url: str, chain: str, part: str, plan: Plan) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    client = Client()
    await client.connect(url, name=f"{chain} {part}")
    program = Writer(client, chain, plan) if part == WRITER else Hearer(client, chain, plan, part)
    await program.start()

    async def ready(message: Msg) -> None:
        await client.publish(message.reply, b"")

    await client.subscribe(f"{chain}.ready.{part}", cb=ready)
    await stopping.wait()
    await client.close()


if __name__ == "__main__":
    _, server, chain_name, part_name, plan_text = sys.argv
    uvloop.run(_main(server, chain_name, part_name, msgspec.json.decode(plan_text, type=Plan)))
