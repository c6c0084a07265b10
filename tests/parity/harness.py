"""One sequence of events, decided twice: by the nodes one by one, and by the compiled loop over its tape."""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from mm_core.book.book import state_hash
from mm_core.compiled import compiled
from mm_core.events import Event, InstrumentDefined, RootEvent
from mm_core.node import State
from mm_core.setup.core import Core
from mm_core.setup.nodes import new_nodes
from mm_core.signals.builder import new_builder
from mm_core.stamper import Stamper
from mm_research.columns import tape_rows
from mm_research.engine.loop import run
from mm_research.engine.state import SHARED, new_market
from mm_research.log_rows import LogRows
from mm_research.market import set_apart
from mm_research.memory_log import MemoryLog
from mm_store.tape_rows import TapeBuilder

NO_ROW = 1 << 62


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a run leaves behind: messages and samples as arrays, the rest as bytes of records by name.

    `accountant` and `gate`: the states of these two nodes, where they ran.
    """

    messages: np.ndarray[Any, Any]
    samples: np.ndarray[Any, Any]
    state: dict[str, bytes]
    accountant: Any = None
    gate: Any = None


def small(core: Core, width: int, far: int) -> Core:
    """The same core with a small book, so that its window moves and its far table fills."""
    builder = new_builder(width, far)
    for name in core.builder.dtype.names or ():
        if name != "book":
            builder[name] = core.builder[name]
    return msgspec.structs.replace(core, builder=builder)


def book_size(core: Core) -> tuple[int, int]:
    """Width and far of the builder's book."""
    book = core.builder["book"]
    return book["lots"].shape[1] // 2, book["far_rank"].shape[2]


@compiled
def _book_hash(builder: State) -> Any:
    return state_hash(builder[0].book)


def by_nodes(core: Core, instrument_id: str, events: Sequence[RootEvent]) -> tuple[Outcome, list[Event]]:
    """The nodes' outcome and their log."""
    nodes = new_nodes(core, instrument_id)
    log: list[Event] = []
    memory = MemoryLog(nodes, log.append)
    stamper = Stamper(core.period_ns, core.offset_ns)
    for event in events:
        for root in stamper.stamp(event):
            memory.append(root)
    for root in stamper.finish():
        memory.append(root)
    rows = LogRows()
    for logged in log:
        rows.take(logged)
    exchange, builder, quoter, risk, account = (node.state for node in nodes)
    state = {
        "clock": exchange["clock"],
        "index": exchange["index"],
        "venue": exchange["sets"]["venue"],
        "venue's book": np.uint64(_book_hash(exchange)),
        "quoter": quoter["quoter"],
        "risk": risk["risk"],
        "account": account["account"],
        **_builder_state(builder["builder"]),
    }
    messages, samples = rows.rows()
    outcome = Outcome(
        messages=messages,
        samples=samples,
        state={name: part.tobytes() for name, part in state.items()},
        accountant=account,
        gate=risk["risk"],
    )
    return outcome, log


def by_loop(core: Core, instrument: InstrumentDefined, events: Sequence[RootEvent]) -> Outcome:
    """The loop's outcome on the tape of the events."""
    builder = TapeBuilder(instrument)
    builder.add(events)
    rows = tape_rows(builder.tape(), core.offset_ns)
    market = new_market(1, *book_size(core))
    _start(market, core, int(rows["local_ns"][0]))
    set_apart(market, rows)
    messages, samples = [], []
    done = False
    while not done:
        done = run(market, rows, rows, core.strategy, NO_ROW)
        messages.append(np.asarray(market["log"])[0, : int(market["logged"][0])].copy())
        samples.append(np.asarray(market["samples"])[0, : int(market["sampled"][0])].copy())
        market["logged"] = market["sampled"] = 0
    one = market["sets"][0]
    state = {
        "clock": market["clock"],
        "index": market["index"],
        "venue": one["venue"],
        "venue's book": np.uint64(_book_hash(market["builder"])),
        "quoter": one["quoter"],
        "risk": one["risk"],
        "account": one["risk"]["account"],
        **_builder_state(market["local" if market["apart"][0] else "builder"]),
    }
    return Outcome(
        messages=np.concatenate(messages),
        samples=np.concatenate(samples),
        state={name: part.tobytes() for name, part in state.items()},
    )


def _start(market: State, core: Core, first_local_ns: int) -> None:
    market["visibility"] = SHARED
    market["record"] = 1
    market["period_ns"] = core.period_ns
    market["tick_ns"] = (first_local_ns // core.period_ns + 1) * core.period_ns
    market["decide_on"] = core.decide_on
    market["clock"]["uses_top"] = core.uses_top
    market["builder"] = core.builder
    market["local"] = core.builder
    for name in ("venue", "quoter", "risk"):
        market["sets"][name] = getattr(core, name)


def _builder_state(builder: State) -> dict[str, Any]:
    names = [name for name in builder.dtype.names or () if name != "book"]
    return {f"builder's {name}": builder[name] for name in names} | {"book": np.uint64(_book_hash(builder))}


def assert_equal(nodes: Outcome, loop: Outcome) -> None:
    """Equal byte for byte; the first difference is named."""
    for name, ours, theirs in (
        ("message", nodes.messages, loop.messages),
        ("sample", nodes.samples, loop.samples),
    ):
        for at, (one, other) in enumerate(zip(ours, theirs, strict=False)):
            assert one.tobytes() == other.tobytes(), f"{name} {at}: nodes {one}, loop {other}; {ours.dtype.names}"
        assert len(ours) == len(theirs), f"{name}s: nodes {len(ours)}, loop {len(theirs)}"
    differing = [name for name in nodes.state if nodes.state[name] != loop.state[name]]
    assert not differing, f"the state of {differing} differs at the end"
