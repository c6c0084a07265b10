"""Roots, which come from outside, and the Book that is made of them."""

from mm_core.events.base import MarketEvent, NodeEvent, Root
from mm_core.types import BookState, Command, Side


class InstrumentDefined(MarketEvent, frozen=True, kw_only=True):
    """What one tick and one lot are, as exact decimal text, the venue's own name, and the venue's filters.

    0 switches a filter off. `status` is the venue's own status text. `*_up_ppm` and `*_down_ppm` bound the
    price of an order on that side to a multiple of the reference price, in 1e-6.
    """

    venue_symbol: str
    tick_size: str
    lot_size: str
    base: str = ""
    quote: str = ""
    qty_lots_min: int = 0
    notional_e9_min: int = 0
    status: str = "TRADING"
    qty_lots_max: int = 0
    notional_e9_max: int = 0
    price_ticks_min: int = 0
    price_ticks_max: int = 0
    bid_up_ppm: int = 0
    bid_down_ppm: int = 0
    ask_up_ppm: int = 0
    ask_down_ppm: int = 0
    orders_max: int = 0


class FeedStatus(MarketEvent, frozen=True, kw_only=True):
    """What the sync machine proves from here on. `epoch` counts the (re)synchronisations from 1.

    The book is known to be complete from `complete_low_ticks` to `complete_high_ticks`, both included.
    """

    state: BookState
    epoch: int
    complete_low_ticks: int = 0
    complete_high_ticks: int = 0
    reason: str = ""


class BookSnapshot(MarketEvent, frozen=True, kw_only=True):
    """The complete known book: earlier levels are void. Levels as parallel tuples, best first."""

    update_id: int
    bid_ticks: tuple[int, ...]
    bid_lots: tuple[int, ...]
    ask_ticks: tuple[int, ...]
    ask_lots: tuple[int, ...]


class BookDelta(MarketEvent, frozen=True, kw_only=True):
    """New absolute quantities of some levels, 0 lots removes. One delta is one atomic step of the book.

    Covers the venue's update ids `first_update_id` to `update_id`, both included.
    """

    first_update_id: int
    update_id: int
    bid_ticks: tuple[int, ...]
    bid_lots: tuple[int, ...]
    ask_ticks: tuple[int, ...]
    ask_lots: tuple[int, ...]


class BookTop(MarketEvent, frozen=True, kw_only=True):
    """The venue's own best bid and ask at `update_id`: an oracle for the rebuilt book."""

    update_id: int
    bid_ticks: int
    bid_lots: int
    ask_ticks: int
    ask_lots: int


class Trade(MarketEvent, frozen=True, kw_only=True):
    """A print. `side` is the taker's. `trade_id` is the venue's, consecutive per instrument."""

    trade_id: int
    side: Side
    price_ticks: int
    qty_lots: int


class Tick(Root, frozen=True, kw_only=True):
    """A due time of the clock, a UTC multiple of its period; comes before the first event at or after it."""


class OperatorCommand(Root, frozen=True, kw_only=True):
    """A command of the operator; SET changes `key` (`section.key` of the configuration) to `value` (decimal text)."""

    command: Command
    key: str = ""
    value: str = ""


class Book(NodeEvent, frozen=True, kw_only=True):
    """The touch and the signals after everything up to `local_ns`; the state is the feed's, or worse.

    `reason`: why the state is worse than the feed's (`mm_core.types.BookReason`), 0 where it is the feed's own.
    A side without a level has 0 lots. `mid_half_ticks` is bid + ask in ticks. Volatility in ticks per root second,
    NaN until warm. Executable spreads in bps and fillable fractions follow the configured sizes; a spread is null
    where depth is short. `ofi_lots` is the order-flow imbalance at the best level over the configured window.
    """

    state: BookState
    epoch: int
    update_id: int
    complete_low_ticks: int = 0
    complete_high_ticks: int = 0
    bid_ticks: int
    bid_lots: int
    ask_ticks: int
    ask_lots: int
    mid_half_ticks: int
    weighted_mid_ticks: float
    volatility_ticks_sqrt_s: float
    micro_stdev_ticks: float
    micro_min_ticks: float
    micro_max_ticks: float
    ofi_lots: int
    executable_spread_bps: tuple[float | None, ...]
    fillable_fraction: tuple[float, ...]
    reason: int = 0
