"""State of the quoter: its terms, its orders that are not known to be closed, and what was refused."""

import numpy as np

from mm_core.events.records import MESSAGE
from mm_core.quoting.refusals import REFUSALS
from mm_core.quoting.terms import TERMS

ORDERS = 16  # orders a side that are not known to be closed
OUTBOX = 64
# Status of an order.
PENDING = 1
LIVE = 2
CANCELING = 3
TAKING = 4  # an order that flattens: it takes and never rests
# Modes.
QUOTING = 0
FLATTENING = 1
SILENT = 2  # a flattening that was ended before it was done

QUOTE = np.dtype(
    [
        ("order_id", "i8"),
        ("price_ticks", "i8"),
        ("leaves_lots", "i8"),
        ("status", "i8"),
        ("cut_lots", "i8"),  # intended, and not let through
        ("touches", "i8"),  # `refusals.touches` and `changes` of its side at its decision
        ("changes", "i8"),
    ]
)
QUOTER = np.dtype(
    [
        ("terms", TERMS),
        ("levels", "i8"),  # orders a side
        ("level_step_ticks", "i8"),
        ("cancel_pending", "i8"),  # 1: cancel an order before it is accepted
        ("replenish_below", "f8"),  # share of the target lots below which a price is replenished; 0: never
        ("trading_state", "i8"),
        ("mode", "i8"),
        ("next_order_id", "i8"),
        ("steps", "i8"),  # decisions taken
        ("open", "i8", (2,)),  # how many of a side's orders are not known to be closed
        ("orders", QUOTE, (2, ORDERS)),  # oldest first
        ("refusals", REFUSALS),
        ("outbox_count", "i8"),
        ("outbox", MESSAGE, (OUTBOX,)),
    ]
)
