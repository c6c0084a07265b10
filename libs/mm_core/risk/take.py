"""Which order events risk takes, and what each changes: for its node, and for the loop."""

from mm_core.compiled import Record, hot
from mm_core.messages import CANCEL_INTENT, CANCELED, EXPIRED, FILLED, INTENT, REJECTED
from mm_core.risk.risk import risk_cancel_intent, risk_closed, risk_filled, risk_intent


@hot
def risk_take(risk: Record, message: Record) -> None:
    """An order event; those that are not risk's change nothing. The answer to an intent is in the outbox."""
    kind = message.kind
    if kind == INTENT:
        risk_intent(risk, message)
    elif kind == CANCEL_INTENT:
        risk_cancel_intent(risk, message.order_id, message.local_ns)
    elif kind == FILLED:
        risk_filled(risk, message)
    elif kind in (REJECTED, CANCELED, EXPIRED):
        risk_closed(risk, message.order_id)
