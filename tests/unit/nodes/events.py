"""Events and nodes as the tests of this folder need them: one instrument, times equal on both sides."""

from collections.abc import Sequence
from typing import Any

from mm_core import events as e
from mm_core.node import Node
from mm_core.setup.config import Config, to_config
from mm_core.setup.core import Core, new_core
from mm_core.setup.nodes import new_nodes
from mm_core.types import BookState, Side, TimeInForce

MS = 1_000_000
S = 1_000_000_000
NAME = "binance.TEST"
INSTRUMENT = e.InstrumentDefined(instrument_id=NAME, ts_ns=0, venue_symbol="TEST", tick_size="0.01", lot_size="0.001")
EXCHANGE, BUILDER, QUOTER, RISK, ACCOUNTANT = range(5)


# The configuration of the tests of this folder unless they override it: no limits, fees of 2 and 5 bps.
TERMS: dict[str, dict[str, Any]] = {
    "risk": {"default_limits": False},
    "exchange": {"maker_fee": "0.0002", "taker_fee": "0.0005"},
}


def config(**sections: Any) -> Config:
    """The configuration of these sections over TERMS."""
    chosen: Config = to_config(TERMS | {name: TERMS.get(name, {}) | keys for name, keys in sections.items()})
    return chosen


def core(**sections: Any) -> Core:
    return new_core(config(**sections), INSTRUMENT)


def node(rank: int, **sections: Any) -> Node:
    return new_nodes(core(**sections), NAME)[rank]


def step(node: Node, event: e.Event) -> Any:
    """A node's outputs; the tests know their types."""
    return node.step(event)


def market(ts_ns: int, local_ns: int | None = None) -> dict[str, Any]:
    return {"instrument_id": NAME, "ts_ns": ts_ns, "local_ns": ts_ns if local_ns is None else local_ns}


def snapshot(ts_ns: int, bid: int = 99, ask: int = 101, lots: int = 5) -> e.BookSnapshot:
    """Three levels a side."""
    return e.BookSnapshot(
        **market(ts_ns),
        update_id=1,
        bid_ticks=(bid, bid - 1, bid - 2),
        bid_lots=(lots,) * 3,
        ask_ticks=(ask, ask + 1, ask + 2),
        ask_lots=(lots,) * 3,
    )


def delta(ts_ns: int, *, bids: Sequence[tuple[int, int]] = (), asks: Sequence[tuple[int, int]] = ()) -> e.BookDelta:
    bid_ticks, bid_lots = tuple(price for price, _ in bids), tuple(lots for _, lots in bids)
    ask_ticks, ask_lots = tuple(price for price, _ in asks), tuple(lots for _, lots in asks)
    levels: dict[str, Any] = {
        "bid_ticks": bid_ticks,
        "bid_lots": bid_lots,
        "ask_ticks": ask_ticks,
        "ask_lots": ask_lots,
    }
    return e.BookDelta(**market(ts_ns), first_update_id=2, update_id=2, **levels)


def trade(ts_ns: int, side: Side, price_ticks: int, qty_lots: int, local_ns: int | None = None) -> e.Trade:
    times = market(ts_ns, local_ns)
    return e.Trade(**times, trade_id=1, side=side, price_ticks=price_ticks, qty_lots=qty_lots)


def status(ts_ns: int, state: BookState = BookState.VALID) -> e.FeedStatus:
    return e.FeedStatus(**market(ts_ns), state=state, epoch=7, complete_low_ticks=90, complete_high_ticks=110)


def tick(ts_ns: int) -> e.Tick:
    return e.Tick(ts_ns=ts_ns, local_ns=ts_ns)


def terms(
    order_id: int, side: Side = Side.BUY, price_ticks: int = 98, qty_lots: int = 4, leaves_lots: int | None = None
) -> dict[str, Any]:
    """The fields of every event of an order; all of it is open unless `leaves_lots` is given."""
    lots = {"qty_lots": qty_lots, "leaves_lots": qty_lots if leaves_lots is None else leaves_lots}
    return {"order_id": order_id, "side": side, "price_ticks": price_ticks, **lots}


def submit(local_ns: int, order_id: int, side: Side, price_ticks: int, qty_lots: int = 2) -> e.SubmitOrder:
    order = terms(order_id, side, price_ticks, qty_lots)
    return e.SubmitOrder(**market(local_ns), **order, time_in_force=TimeInForce.GTX)


def book(local_ns: int, bid: int = 99, ask: int = 101, state: BookState = BookState.VALID) -> e.Book:
    return e.Book(
        **market(local_ns),
        state=state,
        epoch=1,
        update_id=1,
        bid_ticks=bid,
        bid_lots=5,
        ask_ticks=ask,
        ask_lots=5,
        mid_half_ticks=bid + ask,
        weighted_mid_ticks=(bid + ask) / 2,
        volatility_ticks_sqrt_s=1.0,
        micro_stdev_ticks=0.0,
        micro_min_ticks=0.0,
        micro_max_ticks=0.0,
        ofi_lots=0,
        executable_spread_bps=(),
        fillable_fraction=(),
    )


def intent(local_ns: int, order_id: int, side: Side, price_ticks: int, qty_lots: int = 4) -> e.OrderIntent:
    return e.OrderIntent(**market(local_ns), **terms(order_id, side, price_ticks, qty_lots))


def filled(local_ns: int, order_id: int, side: Side, price_ticks: int, leaves_lots: int = 0) -> e.OrderFilled:
    order = terms(order_id, side, price_ticks, 4, leaves_lots)
    return e.OrderFilled(**market(local_ns), **order, maker=True, fee_e9=3)
