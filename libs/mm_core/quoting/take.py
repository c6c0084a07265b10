"""Which order events the quoter takes, and what each changes: for its node, and for the loop."""

from mm_core.compiled import Record, hot
from mm_core.messages import ACCEPTED, CANCELED, DENIED, EXPIRED, FILLED, REJECTED, TRADING_STATE
from mm_core.quoting.quoter import (
    quoter_accepted,
    quoter_closed,
    quoter_denied,
    quoter_filled,
    quoter_rejected,
    quoter_trading_state,
)


@hot
def quoter_take(quoter: Record, message: Record) -> None:
    """An order event, or risk's state; those that are not the quoter's change nothing."""
    kind = message.kind
    if kind == FILLED:
        quoter_filled(quoter, message.side, message.order_id, message.qty_lots, message.leaves_lots)
    elif kind == ACCEPTED:
        quoter_accepted(quoter, message.side, message.order_id, message.leaves_lots)
    elif kind in (CANCELED, EXPIRED):
        quoter_closed(quoter, message.side, message.order_id)
    elif kind == DENIED:
        quoter_denied(quoter, message.side, message.order_id, message.reason)
    elif kind == REJECTED:
        quoter_rejected(quoter, message.side, message.order_id, message.reason)
    elif kind == TRADING_STATE:
        quoter_trading_state(quoter, message.state)
