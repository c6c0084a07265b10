"""Binance Spot frames as they are on the wire, one struct per payload; fields that we do not use are left out.

Ids and times must be integers of 64 bits, prices and quantities text. README.md holds the evidence for each.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType, field

from mm_core.types import INT64_MAX
from mm_venues import control

Count = Annotated[int, msgspec.Meta(ge=0, le=INT64_MAX)]
Level = tuple[str, str]


class Envelope(msgspec.Struct, frozen=True):
    """What distinguishes frames: a combined frame has `stream` and `data`, a raw one fields of its own."""

    stream: str = ""
    data: msgspec.Raw = msgspec.Raw(b"")
    event: str = field(name="e", default="")
    last_update_id: msgspec.Raw | UnsetType = field(name="lastUpdateId", default=UNSET)
    bid_quantity: msgspec.Raw | UnsetType = field(name="B", default=UNSET)
    symbols: msgspec.Raw | UnsetType = UNSET
    result: msgspec.Raw | UnsetType = UNSET
    error: msgspec.Raw | UnsetType = UNSET
    code: msgspec.Raw | UnsetType = UNSET
    ours: msgspec.Raw | UnsetType = field(name=control.KEY, default=UNSET)

    @property
    def is_control(self) -> bool:
        """True for an answer to SUBSCRIBE and the like, also for a refusal."""
        return not (self.result is UNSET and self.error is UNSET and self.code is UNSET)


class Depth(msgspec.Struct, frozen=True):
    """`depthUpdate`: absolute quantities, "0.00000000" removes."""

    event: Literal["depthUpdate"] = field(name="e")
    event_time: Count = field(name="E")
    symbol: str = field(name="s")
    first_update_id: Count = field(name="U")
    update_id: Count = field(name="u")
    bids: list[Level] = field(name="b")
    asks: list[Level] = field(name="a")
    previous_update_id: msgspec.Raw | UnsetType = field(name="pu", default=UNSET)  # of futures only


class Trade(msgspec.Struct, frozen=True):
    """`trade`: one print. The buyer's and seller's order ids (`b`, `a`) of older recordings are not required."""

    event: Literal["trade"] = field(name="e")
    symbol: str = field(name="s")
    trade_id: Count = field(name="t")
    price: str = field(name="p")
    quantity: str = field(name="q")
    trade_time: Count = field(name="T")
    buyer_is_maker: bool = field(name="m")


class AggTrade(msgspec.Struct, frozen=True):
    """`aggTrade`: the prints of one taker order at one price."""

    event: Literal["aggTrade"] = field(name="e")
    symbol: str = field(name="s")
    aggregate_id: Count = field(name="a")
    price: str = field(name="p")
    quantity: str = field(name="q")
    trade_time: Count = field(name="T")
    buyer_is_maker: bool = field(name="m")


class BookTicker(msgspec.Struct, frozen=True):
    """`bookTicker`: the venue's own best bid and ask; it has neither `e` nor `E`."""

    update_id: Count = field(name="u")
    symbol: str = field(name="s")
    bid_price: str = field(name="b")
    bid_quantity: str = field(name="B")
    ask_price: str = field(name="a")
    ask_quantity: str = field(name="A")


class DepthSnapshot(msgspec.Struct, frozen=True):
    """REST depth snapshot, and the payload of partial depth streams."""

    update_id: Count = field(name="lastUpdateId")
    bids: list[Level]
    asks: list[Level]


class Filter(msgspec.Struct, frozen=True):
    """One trading rule of exchangeInfo; only the fields of the filters that we read."""

    kind: str = field(name="filterType")
    tick_size: str = field(name="tickSize", default="")
    step_size: str = field(name="stepSize", default="")
    min_qty: str = field(name="minQty", default="0")
    max_qty: str = field(name="maxQty", default="0")
    min_price: str = field(name="minPrice", default="0")
    max_price: str = field(name="maxPrice", default="0")
    min_notional: str = field(name="minNotional", default="0")
    max_notional: str = field(name="maxNotional", default="0")
    multiplier_up: str = field(name="multiplierUp", default="0")
    multiplier_down: str = field(name="multiplierDown", default="0")
    bid_multiplier_up: str = field(name="bidMultiplierUp", default="0")
    bid_multiplier_down: str = field(name="bidMultiplierDown", default="0")
    ask_multiplier_up: str = field(name="askMultiplierUp", default="0")
    ask_multiplier_down: str = field(name="askMultiplierDown", default="0")
    max_orders: Count = field(name="maxNumOrders", default=0)


class SymbolInfo(msgspec.Struct, frozen=True):
    """One symbol of exchangeInfo."""

    symbol: str
    base: str = field(name="baseAsset")
    quote: str = field(name="quoteAsset")
    filters: list[Filter]
    status: str = "TRADING"


class ExchangeInfo(msgspec.Struct, frozen=True):
    """Trading rules of the venue."""

    symbols: list[SymbolInfo]


class ServerTime(msgspec.Struct, frozen=True):
    """REST `time`."""

    server_time: Count = field(name="serverTime")


class Refusal(msgspec.Struct, frozen=True):
    """Why a REST request was refused; 0 and nothing where the answer has none."""

    code: int = 0
    message: str = field(name="msg", default="")
