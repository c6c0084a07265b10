"""What happens between rows: requests arrive at the venues, answers reach us, decisions are taken."""

from mm_core.compiled import Record, Strategy, compiled, hot
from mm_core.exchange.requests import send
from mm_core.messages import (
    ACCEPTED,
    CANCEL,
    CANCEL_INTENT,
    CANCEL_REJECTED,
    DENIED,
    FILLED,
    REJECTED,
    SUBMIT,
    TRADING_STATE,
    bus_due_ns,
    bus_pop,
)
from mm_core.quoting.quoter import (
    quoter_accepted,
    quoter_decide,
    quoter_denied,
    quoter_filled,
    quoter_gone,
    quoter_rejected,
    quoter_trading_state,
)
from mm_core.risk.risk import risk_book, risk_cancel_intent, risk_filled, risk_gone, risk_intent
from mm_core.types import INT64_MAX, BookState


@compiled
def record(market: Record, message: Record) -> None:
    """Append a message to the log of the run."""
    if market.record == 0:
        return
    row = market.log[market.logged]
    market.logged += 1
    row.ts_ns = message.ts_ns
    row.due_ns = message.due_ns
    row.order_id = message.order_id
    row.price_ticks = message.price_ticks
    row.qty_lots = message.qty_lots
    row.leaves_lots = message.leaves_lots
    row.fee_e9 = message.fee_e9
    row.kind = message.kind
    row.side = message.side
    row.reason = message.reason
    row.flag = message.flag
    row.mid_half = message.mid_half


@hot
def deliver(market: Record, part: Record, until_ns: int) -> None:
    """Hand the venue's answers that are due to quoter, risk and account."""
    while bus_due_ns(part.venue.outbox) <= until_ns:
        m = bus_pop(part.venue.outbox)
        record(market, m)
        if m.kind == FILLED:
            quoter_filled(part.quoter, m.side, m.order_id, m.qty_lots, m.leaves_lots)
            risk_filled(
                part.risk, m.order_id, m.side, m.price_ticks, m.qty_lots, m.leaves_lots, m.fee_e9, m.mid_half, m.due_ns
            )
        elif m.kind == ACCEPTED:
            quoter_accepted(part.quoter, m.side, m.order_id, m.leaves_lots)
        elif m.kind == REJECTED:
            quoter_rejected(part.quoter, m.side, m.order_id, m.reason)
            risk_gone(part.risk, m.order_id)
        elif m.kind != CANCEL_REJECTED:
            quoter_gone(part.quoter, m.side, m.order_id)
            risk_gone(part.risk, m.order_id)


@compiled
def decide(market: Record, part: Record, top: Record, strategy: Strategy) -> None:
    """One book to quoter, risk and account, then each wanted request through risk to the venue."""
    now_ns = top.local_ns
    deliver(market, part, now_ns)
    quoter_decide(part.quoter, top, strategy)
    risk_book(part.risk, top)
    _pass_on(market, part, now_ns)
    quoter = part.quoter
    for i in range(quoter.said):
        m = quoter.outbox[i]
        record(market, m)
        if m.kind == CANCEL_INTENT:
            risk_cancel_intent(part.risk, m.order_id, now_ns)
        else:
            _record_mid(market, top)
            risk_intent(part.risk, m.order_id, m.side, m.price_ticks, m.qty_lots, m.flag, now_ns)
        _pass_on(market, part, now_ns)
    market.arrival_ns = min(market.arrival_ns, bus_due_ns(part.venue.inbox))


@compiled
def _record_mid(market: Record, top: Record) -> None:
    """The order that was just recorded was decided on the mid of this book."""
    if market.record != 0 and top.state == BookState.VALID and top.bid_lots > 0 and top.ask_lots > 0:
        market.log[market.logged - 1].mid_half = top.bid_ticks + top.ask_ticks


@hot
def _pass_on(market: Record, part: Record, now_ns: int) -> None:
    """What risk has said goes to the venue or back to the quoter."""
    risk = part.risk
    for i in range(risk.said):
        m = risk.outbox[i]
        record(market, m)
        if m.kind in (SUBMIT, CANCEL):
            send(part.venue, m.kind, m.order_id, m.side, m.price_ticks, m.qty_lots, m.flag, now_ns)
        elif m.kind == DENIED:
            quoter_denied(part.quoter, m.side, m.order_id, m.reason)
        elif m.kind == TRADING_STATE:
            quoter_trading_state(part.quoter, m.side)
    risk.said = 0


@compiled
def is_pending(part: Record, now_ns: int) -> bool:
    """True if a request or an answer of the set is still on its way after `now_ns`."""
    answer_ns = bus_due_ns(part.venue.outbox)
    return bus_due_ns(part.venue.inbox) != INT64_MAX or now_ns < answer_ns < INT64_MAX


@compiled
def take_sample(market: Record, top: Record, account: Record) -> None:
    """Record the touch and the account at a decision."""
    row = market.samples[market.sampled]
    market.sampled += 1
    row.local_ns = top.local_ns
    row.state = top.state
    row.reason = top.reason
    row.bid_ticks = top.bid_ticks
    row.bid_lots = top.bid_lots
    row.ask_ticks = top.ask_ticks
    row.ask_lots = top.ask_lots
    row.volatility_ticks_sqrt_s = top.volatility_ticks_sqrt_s
    row.position_lots = account.position_lots
    row.cash_half = account.cash_half
    row.realised_half = account.realised_half
    row.spread_half = account.spread_half
    row.inventory_half = account.inventory_half
    row.fees_e9 = account.fees_e9
    row.fills = account.fills
