"""Drives the real services: sequencer and nodes as processes, the roots from us, in the place of the recorder."""

import asyncio
import sys
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from time import time_ns
from typing import Any, NamedTuple

import numpy as np
from latency_hops import Append, Plan  # type: ignore[import-not-found]  # beside this file
from latency_paths import Paths, Stored, read_stream  # type: ignore[import-not-found]  # beside this file

from mm_bus.bus import Bus
from mm_bus.label import Label
from mm_bus.open_log import open_log
from mm_bus.roots import RootSource
from mm_bus.topology import INPUTS, SUBSCRIBERS
from mm_core.events import BookDelta, BookSnapshot, FeedStatus, InstrumentDefined, RootEvent
from mm_core.setup.warm import warm
from mm_core.types import BookState
from mm_service.config import load_config
from mm_session.supervisor import Supervisor
from mm_wire.subjects import ARCHIVER, NAMES, RECORDER, SEQUENCER, status_subject, stream

PATH = ("BookDelta", "Book", "OrderIntent", "SubmitOrder")
KINDS = {name: kind.__name__ for kind, (name, _) in NAMES.items()}
INSTRUMENT = InstrumentDefined(
    ts_ns=1, instrument_id="binance.BTCUSDT", venue_symbol="BTCUSDT", tick_size="0.01", lot_size="0.00001"
)
SETTINGS = (
    "book.decide_on=touch",
    "clock.tick_period_ms=1000",  # few roots come right behind a Tick, which wakes everyone
    "fixed_spread.half_spread_ticks=5",
    "exchange.entry_ms=0.1",  # an order is gone when the next event comes, so every move is quoted anew
    "exchange.response_ms=0.1",
)
BASE_TICKS = 10_000_000
LEVELS = 30
REPORT_BYTES = 7  # of one without answers
POLL_S = 0.01
START_S = 120.0


class Market:
    """A book whose touch goes a tick up and down again, so that every move changes both quotes; 20 levels a delta."""

    def __init__(self) -> None:
        self._update_id = 1
        self._up = 0

    def opening(self) -> list[RootEvent]:
        """The instrument, its book, and the word that it is proven."""
        lots = tuple(150_000 + 1_000 * level for level in range(LEVELS))
        levels: dict[str, Any] = {
            "bid_ticks": tuple(BASE_TICKS - 1 - level for level in range(LEVELS)),
            "ask_ticks": tuple(BASE_TICKS + 1 + level for level in range(LEVELS)),
            "bid_lots": lots,
            "ask_lots": lots,
        }
        window: dict[str, Any] = {"complete_low_ticks": BASE_TICKS - LEVELS, "complete_high_ticks": BASE_TICKS + LEVELS}
        said = self._said()
        return [
            INSTRUMENT,
            BookSnapshot(**said, update_id=1, **levels),
            FeedStatus(**said, state=BookState.VALID, epoch=1, **window),
        ]

    def delta(self, moves: bool) -> BookDelta:
        """The next change of the book, of its touch too if it `moves`."""
        self._update_id += 1
        deep = range(10 + self._update_id % 2, LEVELS, 2)
        bids = {BASE_TICKS - 1 - level: 100_000 + 7 * level + self._update_id % 1_000 for level in deep}
        asks = {BASE_TICKS + 1 + level: 100_000 + 5 * level + self._update_id % 1_000 for level in deep}
        if moves:
            self._up = 1 - self._up
            bids = {BASE_TICKS: 120_000 * self._up} | bids
            asks = {BASE_TICKS + 1: 120_000 * (1 - self._up)} | asks
        return BookDelta(
            **self._said(),
            first_update_id=self._update_id,
            update_id=self._update_id,
            bid_ticks=tuple(bids),
            bid_lots=tuple(bids.values()),
            ask_ticks=tuple(asks),
            ask_lots=tuple(asks.values()),
        )

    def _said(self) -> dict[str, Any]:
        now_ns = time_ns()
        return {"instrument_id": INSTRUMENT.instrument_id, "ts_ns": now_ns, "recv_ns": now_ns}


class RealChain:
    """The services of one group."""

    name = "real"

    def __init__(self, bus: Bus, settings: Sequence[str]) -> None:
        self.processes: list[str] = []
        self._bus = bus
        self._given = [*SETTINGS, *settings]
        self._settings = load_config(None, self._given)
        self._group = self._settings.bus.group
        self._roots = RootSource(bus, self._group, RECORDER)
        self._market = Market()

    async def start(self, supervisor: Supervisor, url: str, folder: Path, *, archiver: bool) -> None:
        """Start everything and open the book."""
        warm(self._settings, INSTRUMENT)
        await open_log(self._bus, self._group)
        self.processes = [SEQUENCER, *INPUTS, *([ARCHIVER] if archiver else [])]
        given = [*self._given, f"bus.url={url}", f"store.path={folder / 'clickhouse'}"]
        options = [word for setting in given for word in ("--set", setting)]
        for name in self.processes:
            await supervisor.start(name, [sys.executable, "-m", f"mm_services.{name}", *options])
        async with asyncio.timeout(START_S):
            await self._roots.start()
            await self._roots.put(self._market.opening())
            await self.settle()

    async def send(self, moves: bool) -> None:
        """Say one root."""
        await self._roots.put([self._market.delta(moves)])

    def backlog(self) -> int:
        """Roots that are not known to be through."""
        return self._roots.unconfirmed

    async def settle(self) -> int:
        """Wait until everything is through; the last sequence of the log."""
        async with asyncio.timeout(START_S):
            while True:
                status = await self._bus.request(status_subject(self._group, SEQUENCER))
                is_quiescent = status and not self._roots.unconfirmed and not status["waits_for"]["seq"]
                if is_quiescent and status["stored_seq"] == status["last_seq"]:
                    return int(status["last_seq"])
                await asyncio.sleep(POLL_S)

    async def stop(self) -> None:
        """Say nothing more."""
        await self._roots.stop()

    async def paths(self, after_seq: int) -> Paths:
        """By what each event answers, from the first SubmitOrder of each tree up to its root."""
        log = await self._read(after_seq)
        stored_ns = np.array([log.times_ns(path) for path in log.paths()])
        names = [f"{a} to {b}" for a, b in pairwise(PATH)]
        parts = dict(zip(names, np.diff(stored_ns).T, strict=True))
        return Paths(stored_ns[:, -1] - stored_ns[:, 0], parts, log.per_root())

    async def plan(self, after_seq: int) -> Plan:
        """Who hears and says how much in the tree of the last path on the log."""
        return (await self._read(after_seq)).plan()

    async def _read(self, after_seq: int) -> "_Log":
        log, last_seq = _Log(), await self.settle()
        async for stored in read_stream(self._bus.client, stream(self._group), after_seq, last_seq):
            log.add(stored)
        return log


class _Event(NamedTuple):
    """An event on the log. `cause` is the input that it answers."""

    time_ns: int
    kind: str
    label: Label
    size: int  # with its headers
    said: int  # without them


class _Log:
    """What is read of a log, by sequence."""

    def __init__(self) -> None:
        self._events: dict[int, _Event] = {}

    def add(self, stored: Stored) -> None:
        """Take one message; the sequencer's own word to itself is no event."""
        message = stored.message
        kind = KINDS.get(".".join(message.subject.split(".")[2:4]))
        if kind is not None:
            headers, said = message.headers or {}, len(message.data)
            size = said + sum(len(key) + len(value) + len(": \r\n") for key, value in headers.items())
            self._events[stored.seq] = _Event(stored.time_ns, kind, Label.of(headers), size, said)

    def times_ns(self, path: list[int]) -> list[int]:
        """When the events of a path were stored."""
        return [self._events[seq].time_ns for seq in path]

    def per_root(self) -> dict[str, float]:
        """Counts."""
        roots = sum(event.label.tree == seq for seq, event in self._events.items())
        reports = sum(len(SUBSCRIBERS[event.kind]) for event in self._events.values())
        counts = {"paths": len(self.paths()), "answers": len(self._events) - roots, "reports": reports}
        return {name: count / roots for name, count in counts.items()}

    def paths(self) -> list[list[int]]:
        """The sequences of each path, from the first SubmitOrder of a tree up to its root, root first."""
        ends: dict[int, int] = {}
        for seq, event in self._events.items():
            if event.kind == PATH[-1] and event.label.tree in self._events:
                ends.setdefault(event.label.tree, seq)
        rows = []
        for tree, end in ends.items():
            path = [end]
            while path[0] > tree:
                path.insert(0, self._events[path[0]].label.number)
            assert tuple(self._events[seq].kind for seq in path[1:]) == PATH[1:], f"{path} is not {PATH}"
            rows.append(path)
        return rows

    def plan(self) -> Plan:
        """The tree of the last path, in stages: what answers the root, what answers that, and so on."""
        path = self.paths()[-1]
        tree = [seq for seq, event in self._events.items() if event.label.tree == path[0]]
        depths = {path[0]: 0}
        said: dict[tuple[int, str], int] = defaultdict(int)
        for seq in tree[1:]:
            label = self._events[seq].label
            depths[seq] = depths[label.number] + 1
            said[label.number, label.source] += self._events[seq].said
        stages = [[seq for seq in tree if depths[seq] == depth] for depth in range(len(PATH))]
        appends = [[self._append(seq, said) for seq in stage] for stage in stages]
        places = [stage.index(seq) for stage, seq in zip(stages, path, strict=True)]
        return Plan(appends, places, [self._events[seq].label.source for seq in path[1:]])

    def _append(self, seq: int, said: dict[tuple[int, str], int]) -> Append:
        event = self._events[seq]
        return Append(event.size, {node: REPORT_BYTES + said[seq, node] for node in SUBSCRIBERS[event.kind]})
