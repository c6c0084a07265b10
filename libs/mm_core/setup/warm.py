"""A session's compiled code, ready before its first event: the first call of a function loads or compiles it."""

from typing import Any

from mm_core import events as e
from mm_core.setup.config import Config
from mm_core.setup.core import new_core
from mm_core.setup.nodes import new_nodes
from mm_core.types import BookState, Command, Side, TimeInForce, TradeState


def warm(config: Config, instrument: e.InstrumentDefined) -> None:
    """Compile what a session will call, or load it: nodes of its kind take one event of each type."""
    instrument_id = instrument.instrument_id
    base: dict[str, Any] = {"instrument_id": instrument_id, "ts_ns": 1, "local_ns": 1}
    levels: dict[str, Any] = {"bid_ticks": (1,), "bid_lots": (1,), "ask_ticks": (3,), "ask_lots": (1,)}
    terms: dict[str, Any] = {"order_id": 1, "side": Side.BUY, "price_ticks": 1, "qty_lots": 1, "leaves_lots": 1}
    order = base | terms
    events: list[e.Event] = [
        e.FeedStatus(**base, state=BookState.VALID, epoch=1),
        e.BookSnapshot(**base, **levels, update_id=1),
        e.BookDelta(**base, **levels, first_update_id=2, update_id=2),
        e.BookTop(**base, update_id=2, bid_ticks=1, bid_lots=1, ask_ticks=3, ask_lots=1),
        e.Trade(**base, trade_id=1, side=Side.SELL, price_ticks=2, qty_lots=1),
        e.Tick(ts_ns=1, local_ns=1),
        e.OperatorCommand(ts_ns=1, local_ns=1, command=Command.FLATTEN),
        e.OperatorCommand(ts_ns=1, local_ns=1, command=Command.RESUME),
        e.OrderIntent(**order),
        e.SubmitOrder(**order, time_in_force=TimeInForce.GTX),
        e.OrderAccepted(**order),
        e.TradingState(**base, state=TradeState.ACTIVE, reason=0),
        e.LimitChanged(**base, name="", value=0),
        instrument,
    ]
    nodes = new_nodes(new_core(config, instrument), instrument_id)
    # Their outputs hold the one event that is too long to write down here: a Book.
    outputs = [
        output for event in events for node in nodes if type(event) in node.inputs for output in node.step(event)
    ]
    for node in nodes:
        for output in outputs:
            if type(output) in node.inputs:
                node.step(output)
