"""Drives a bare chain, whose processes are `latency_hops.py`."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from latency_hops import STAMPS, WRITER, Plan, make_stream  # type: ignore[import-not-found]  # beside this file
from latency_paths import Paths, read_stream  # type: ignore[import-not-found]  # beside this file
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from mm_session.supervisor import Supervisor

PROGRAM = Path(__file__).with_name("latency_hops.py")
READY_S = 0.2
START_S = 30.0
SETTLE_S = 60.0
POLL_S = 0.01


class BareChain:
    """Writer and hearers of a plan as processes; the roots come from us."""

    def __init__(self, name: str, plan: Plan) -> None:
        self.name = name
        self.processes: list[str] = []
        self._plan = plan
        self._client = Client()
        self._root = bytes(plan.stages[0][0].size)
        self._sent = self._done = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def start(self, supervisor: Supervisor, url: str) -> None:
        """Start everything."""
        await self._client.connect(url, name=f"{self.name} driver")
        await make_stream(self._client, self.name)
        await self._client.subscribe(f"{self.name}.done", cb=self._on_done)
        plan = msgspec.json.encode(self._plan).decode()
        parts = [WRITER, *self._plan.subscribers()]
        for part in parts:
            command = [sys.executable, str(PROGRAM), url, self.name, part, plan]
            await supervisor.start(f"{self.name}-{part}", command)
        async with asyncio.timeout(START_S):
            for part in parts:
                await self._ready(part)
        self.processes = [f"{self.name}-{part}" for part in parts]

    async def stop(self) -> None:
        """End our own connection."""
        await self._client.close()

    async def _ready(self, part: str) -> None:
        while True:
            try:
                await self._client.request(f"{self.name}.ready.{part}", timeout=READY_S)
            except NatsError:
                await asyncio.sleep(POLL_S)
            else:
                return

    async def _on_done(self, message: Msg) -> None:
        self._done = int(message.data)
        if not self.backlog():
            self._idle.set()

    async def send(self, moves: bool) -> None:
        """Say one root."""
        self._sent += 1
        self._idle.clear()
        await self._client.publish(f"{self.name}.root", bytes([moves]) + self._root[1:])

    def backlog(self) -> int:
        """Roots that are not known to be through."""
        return self._sent - self._done

    async def settle(self) -> int:
        """Wait until everything is through; the last sequence of the stream."""
        async with asyncio.timeout(SETTLE_S):
            await self._idle.wait()
        info = await self._client.jetstream().stream_info(self.name)
        return int(info.state.last_seq)

    async def paths(self, after_seq: int) -> Paths:
        """As the messages of one root follow each other on the log, so do their stamps."""
        rows: list[list[tuple[int, int, int]]] = []
        messages = 0
        async for stored in read_stream(self._client, self.name, after_seq, await self.settle()):
            stage, place = map(int, stored.message.subject.split(".")[2:])
            messages += 1
            if stage == 0:
                rows.append([])
            if place == self._plan.path[stage]:
                _, hop_ns, writer_ns = STAMPS.unpack_from(stored.message.data)
                rows[-1].append((stored.time_ns, hop_ns, writer_ns))
        stages = len(self._plan.stages)
        whole = np.array([row for row in rows if len(row) == stages])
        stored_ns = whole[:, :, 0]
        parts = {f"stage {stage} to {stage + 1}": np.diff(stored_ns)[:, stage] for stage in range(stages - 1)}
        reports = [sum(len(each.reports) for each in stage) for stage in self._plan.stages]
        moving = len(whole) / len(rows)
        per_root = {
            "paths": moving,
            "answers": messages / len(rows) - 1,
            "reports": reports[0] + moving * sum(reports[1:]),
        }
        return Paths(stored_ns[:, -1] - stored_ns[:, 0], parts | _of_one_hop(whole), per_root)


def _of_one_hop(rows: Any) -> dict[str, Any]:
    """Where the time of a hop goes, over all hops: by the last one to report."""
    stored_ns, hop_ns, writer_ns = rows[:, :, 0], rows[:, 1:, 1], rows[:, 1:, 2]
    return {
        "stored to heard": (hop_ns - stored_ns[:, :-1]).ravel(),
        "heard to report heard": (writer_ns - hop_ns).ravel(),
        "report heard to stored": (stored_ns[:, 1:] - writer_ns).ravel(),
    }
