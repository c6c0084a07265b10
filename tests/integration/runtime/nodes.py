"""Small deterministic nodes in the places of the real five, roots for them, and the log that a plain loop makes."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any
from zlib import crc32

import numpy as np

from mm_bus.topology import INPUTS, subscribers
from mm_core import events as e
from mm_core.node import Node, State
from mm_core.stamper import Stamper
from mm_core.types import BookState, Side
from mm_research.memory_log import MemoryLog
from mm_wire.codec import encode
from mm_wire.subjects import ACCOUNTANT, BOOK_BUILDER, PAPER_EXCHANGE, QUOTER, RISK

NAME = "binance.TEST"
MS = 1_000_000
PERIOD_NS = 100 * MS
BEGIN_NS = 1_700_000_000_000_000_000
STATE = np.dtype([("crc", np.int64), ("events", np.int64)])
DEPTH_MAX = 4
COUNTS = (0, 0, 1, 2)  # outputs for an event, by the inputs before


def book(depth: int, number: int) -> e.Book:
    return e.Book(
        ts_ns=depth,
        instrument_id=NAME,
        local_ns=0,
        state=BookState.VALID,
        epoch=1,
        update_id=number,
        bid_ticks=99,
        bid_lots=1,
        ask_ticks=101,
        ask_lots=1,
        mid_half_ticks=200,
        weighted_mid_ticks=100.0,
        volatility_ticks_sqrt_s=0.0,
        micro_stdev_ticks=0.0,
        micro_min_ticks=0.0,
        micro_max_ticks=0.0,
        ofi_lots=0,
        executable_spread_bps=(),
        fillable_fraction=(),
    )


TERMS: dict[str, Any] = {"side": Side.BUY, "price_ticks": 99, "qty_lots": 1, "leaves_lots": 1}


def canceled(depth: int, number: int) -> e.OrderCanceled:
    return e.OrderCanceled(ts_ns=depth, instrument_id=NAME, local_ns=0, order_id=number, **TERMS)


def intent(depth: int, number: int) -> e.CancelIntent:
    return e.CancelIntent(ts_ns=depth, instrument_id=NAME, local_ns=0, order_id=number, **TERMS)


def cancel(depth: int, number: int) -> e.CancelOrder:
    return e.CancelOrder(ts_ns=depth, instrument_id=NAME, local_ns=0, order_id=number, **TERMS)


def position(depth: int, number: int) -> e.PositionChanged:
    return e.PositionChanged(
        ts_ns=depth,
        instrument_id=NAME,
        local_ns=0,
        position_lots=number,
        average_price_ticks=0.0,
        **dict.fromkeys(("realised_e9", "unrealised_e9", "fees_e9", "spread_e9", "inventory_e9"), 0),
    )


OUTPUTS: dict[str, tuple[type[e.Event], Callable[[int, int], e.Event]]] = {
    PAPER_EXCHANGE: (e.OrderCanceled, canceled),
    BOOK_BUILDER: (e.Book, book),
    QUOTER: (e.CancelIntent, intent),
    RISK: (e.CancelOrder, cancel),
    ACCOUNTANT: (e.PositionChanged, position),
}


def _inputs(name: str) -> tuple[type[e.Event], ...]:
    """What a node of this name subscribes to in a session that decides at Ticks."""
    return tuple(kind for kind in INPUTS[name] if name in subscribers("tick")[kind.__name__])


def _step(make: Callable[[int, int], e.Event], state: State) -> Callable[[Any], Sequence[e.Event]]:
    """Outputs that follow from all inputs of the node so far; `ts_ns` of an output is its depth in the tree."""

    def step(event: e.AnyEvent) -> list[e.Event]:
        crc = state["crc"][0] = crc32(encode(event), int(state["crc"][0]))
        state["events"] += 1
        depth = event.ts_ns if isinstance(event, e.NodeEvent) else 0
        count = COUNTS[crc % 4] if depth < DEPTH_MAX else 0
        return [make(depth + 1, (crc >> 8) % 1_000 + index) for index in range(count)]

    return step


def small_nodes() -> list[Node]:
    """Five nodes with the inputs of the real ones; the smallest chain in which each has outputs for all others."""
    nodes = []
    for rank, (name, (kind, make)) in enumerate(OUTPUTS.items()):
        state = np.zeros(1, STATE)
        node = Node(name=name, rank=rank, inputs=_inputs(name), outputs=(kind,), step=_step(make, state), state=state)
        nodes.append(node)
    return nodes


def trade(number: int) -> e.Trade:
    time_ns = BEGIN_NS + 30 * MS * number
    return e.Trade(
        ts_ns=time_ns,
        recv_ns=time_ns,
        instrument_id=NAME,
        trade_id=number,
        side=Side.BUY,
        price_ticks=100,
        qty_lots=number + 1,
    )


def top(number: int) -> e.BookTop:
    time_ns = BEGIN_NS + 30 * MS * number + MS
    return e.BookTop(
        ts_ns=time_ns,
        recv_ns=time_ns,
        instrument_id=NAME,
        update_id=number,
        bid_ticks=99,
        bid_lots=1,
        ask_ticks=101,
        ask_lots=1,
    )


def gap(number: int) -> e.FeedStatus:
    time_ns = BEGIN_NS + 30 * MS * number
    return e.FeedStatus(
        ts_ns=time_ns, recv_ns=time_ns, instrument_id=NAME, state=BookState.GAP, epoch=number, reason="lost"
    )


def instrument() -> e.InstrumentDefined:
    return e.InstrumentDefined(
        ts_ns=BEGIN_NS, instrument_id=NAME, venue_symbol="TEST", tick_size="0.01", lot_size="0.001"
    )


def market(count: int) -> list[e.RootEvent]:
    """The definition, then trades with some of the venue's own touches between."""
    roots: list[e.RootEvent] = [instrument()]
    for number in range(count):
        roots.append(trade(number))
        if number % 3 == 0:
            roots.append(top(number))
    return roots


def stamper() -> Stamper:
    return Stamper(PERIOD_NS)


def plain_log(roots: Iterable[e.RootEvent], nodes: Sequence[Node] | None = None, *, ends: bool = True) -> list[bytes]:
    """What the log of these roots must be, byte for byte: the offline loop's."""
    published: list[bytes] = []
    log = MemoryLog(nodes or small_nodes(), lambda event: published.append(encode(event)))
    stamps = stamper()
    for root in roots:
        for stamped in stamps.stamp(root):
            log.append(stamped)
    if ends:
        for stamped in stamps.finish():
            log.append(stamped)
    return published
