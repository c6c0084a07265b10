"""What events have in common."""

import msgspec

from mm_core.types import Side


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=True, omit_defaults=True):
    """Base of all events. `ts_ns`: time of the fact, ns UTC."""

    ts_ns: int


class Root(Event, frozen=True, kw_only=True):
    """What comes from outside. `recv_ns`: our wall clock; `local_ns`: receive time on the exchange's clock; both ns.

    `root_seq` counts the roots of one log from 1. It and `local_ns` are 0 until the sequencer stamps them.
    """

    recv_ns: int = 0
    local_ns: int = 0
    root_seq: int = 0


class MarketEvent(Root, frozen=True, kw_only=True):
    """A root about one instrument, named `<venue>.<SYMBOL>`."""

    instrument_id: str


class NodeEvent(Event, frozen=True, kw_only=True):
    """What a node published about an instrument; `local_ns`: when it is known on our side."""

    instrument_id: str
    local_ns: int


class OrderEvent(NodeEvent, frozen=True, kw_only=True):
    """Something about one order; `order_id` counts from 1 per session.

    `qty_lots`: what the event is about: the order's quantity, a fill's, or what a cancel is to take back.
    `leaves_lots`: what of the order is not filled, as its publisher knows it.
    """

    order_id: int
    side: Side
    price_ticks: int
    qty_lots: int
    leaves_lots: int
