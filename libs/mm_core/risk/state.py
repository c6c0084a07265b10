"""State of the risk gate: limits, its own account, what is open at the venue, and the rates."""

from typing import Any

import numpy as np

from mm_core.accounting.account import ACCOUNT
from mm_core.compiled import new
from mm_core.events.records import MESSAGE
from mm_core.filters import FILTERS, new_filters
from mm_core.types import INT64_MAX

ORDERS = 32  # open orders
OUTBOX = 64
RATE = 256  # most events a rate limit can count

LIMITS = np.dtype(
    [
        ("order_lots_max", "i8"),
        ("order_tick_lots_max", "i8"),  # value of one order, in ticks x lots
        ("position_lots_max", "i8"),
        ("notional_tick_lots_max", "i8"),  # |position| x price, working orders included
        ("loss_session_e9_max", "i8"),
        ("loss_day_e9_max", "i8"),
        ("loss_auto_bps", "i8"),  # above 0: the loss of the session becomes so much of the largest position's value
        ("collar_bps", "f8"),  # distance of an order from the mid
        ("orders_per_window_max", "i8"),
        ("fills_per_window_max", "i8"),  # orders filled, each counted at its first fill
        ("rate_halt_ns", "i8"),  # a halt by the fill rate ends by itself after so long; 0: the operator ends it
        ("window_ns", "i8"),
        ("spot", "i8"),  # 1: no short; balances bound what may be sold and bought
        ("base_lots", "i8"),  # spot balance at the start, in lots
        ("quote_tick_lots", "i8"),  # spot balance at the start, in ticks x lots
        ("value_num", "i8"),  # one tick x one lot is value_num / value_den of 1e-9 quote
        ("value_den", "i8"),
    ]
)
OPEN = np.dtype(
    [
        ("order_id", "i8"),
        ("side", "i8"),
        ("price_ticks", "i8"),
        ("leaves_lots", "i8"),
        ("canceling", "i8"),
        ("filled", "i8"),  # 1: it has had its first fill
    ]
)
TOUCH = np.dtype([("state", "i8"), ("bid_ticks", "i8"), ("bid_lots", "i8"), ("ask_ticks", "i8"), ("ask_lots", "i8")])
# `count` events of the session, the last of them with their times; those before `first` no longer count for the limit.
RATE_LIMIT = np.dtype([("count", "i8"), ("first", "i8"), ("ts_ns", "i8", (RATE,))])
RISK = np.dtype(
    [
        ("limits", LIMITS),
        ("filters", FILTERS),
        ("trading_state", "i8"),
        ("reason", "i8"),
        ("flattening", "i8"),  # 1: REDUCING because the operator flattens; no loss and no fill rate stops that
        ("resumes_ns", "i8"),  # when a halt by the fill rate ends by itself; 0: the state stays until a command
        ("resume_state", "i8"),  # the state after it
        ("day", "i8"),  # UTC day number of the last Book
        ("day_start_e9", "i8"),  # result at the start of that day
        ("open_lots", "i8", (2,)),
        ("open_tick_lots", "i8", (2,)),
        ("session_start_e9", "i8"),  # result that the loss of the session is measured from
        ("top", TOUCH),
        ("account", ACCOUNT),
        ("open_orders", "i8"),
        ("orders", OPEN, (ORDERS,)),  # oldest first
        ("submitted", RATE_LIMIT),
        ("filled", RATE_LIMIT),  # orders, at their first fill
        ("filled_ids", "i8", (RATE,)),  # their ids, at the same places as the times
        # Sums of the session, which stay at 2^63 - 1 once they are there.
        ("cancels", "i8"),
        ("submitted_lots", "i8"),
        ("filled_lots", "i8"),
        ("outbox_count", "i8"),
        ("outbox", MESSAGE, (OUTBOX,)),
    ]
)


def new_risk() -> np.ndarray[Any, Any]:
    """A gate without limits: every limit at its largest value, no collar, no filter, margin account."""
    state = new(RISK)
    limits = state["limits"]
    for name in LIMITS.names or ():
        if name.endswith("_max"):
            limits[name] = INT64_MAX
    state["filters"] = new_filters()
    limits["window_ns"] = 1_000_000_000
    limits["value_num"] = 1
    limits["value_den"] = 1
    return state
