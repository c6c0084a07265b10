"""Trading state, limits, account."""

from mm_core.events.base import NodeEvent
from mm_core.types import TradeState


class TradingState(NodeEvent, frozen=True, kw_only=True):
    """Risk's state from here on, and why; see `mm_core.risk.Reason`.

    `resumes_ns`: when a halt ends by itself, at the first VALID Book then; 0 for a state that stays until a command.
    """

    state: TradeState
    reason: int
    resumes_ns: int = 0


class LimitChanged(NodeEvent, frozen=True, kw_only=True):
    """A limit has a new value, by the operator's SET: `name` and `text` are its key and value.

    `value` is what the gate holds: lots, ticks x lots, 1e-9 quote, ns or a count; of a collar the whole bps.
    """

    name: str
    value: int
    text: str = ""


class PositionChanged(NodeEvent, frozen=True, kw_only=True):
    """The account after a fill. Money in 1e-9 quote; realised + unrealised = spread + inventory, fees apart.

    `drawdown_e9`: how far the result after fees is below its peak since the start; `drawdown_max_e9`: its largest.
    """

    position_lots: int
    average_price_ticks: float
    realised_e9: int
    unrealised_e9: int
    fees_e9: int
    spread_e9: int
    inventory_e9: int
    drawdown_e9: int = 0
    drawdown_max_e9: int = 0
