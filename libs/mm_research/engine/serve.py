"""What happens between rows: requests arrive at the venues, answers reach us, decisions are taken."""

from mm_core.compiled import Record, Strategy, compiled, hot
from mm_core.exchange.requests import send
from mm_core.messages import CANCEL, SUBMIT, bus_due_ns, bus_pop
from mm_core.quoting.quoter import quoter_decide
from mm_core.quoting.take import quoter_take
from mm_core.risk.risk import risk_book
from mm_core.risk.take import risk_take
from mm_core.types import INT64_MAX


@compiled
def record(market: Record, message: Record) -> None:
    """Append a message to the log of the run."""
    if market.record == 0:
        return
    market.log[market.logged] = message
    market.logged += 1


@hot
def deliver(market: Record, part: Record, until_ns: int) -> None:
    """Hand the venue's answers that are due to quoter, risk and account."""
    while bus_due_ns(part.venue.outbox) <= until_ns:
        message = bus_pop(part.venue.outbox)
        record(market, message)
        quoter_take(part.quoter, message)
        risk_take(part.risk, message)


@compiled
def decide(market: Record, part: Record, top: Record, strategy: Strategy) -> None:
    """One book to quoter, risk and account, then each intent through risk to the venue: the order of the log."""
    deliver(market, part, top.local_ns)
    quoter, risk = part.quoter, part.risk
    quoter_decide(quoter, top, strategy)
    for i in range(quoter.outbox_count):
        record(market, quoter.outbox[i])
    risk_book(risk, top)
    _pass_on(market, part)
    for i in range(quoter.outbox_count):
        risk_take(risk, quoter.outbox[i])
        _pass_on(market, part)
    market.arrival_ns = min(market.arrival_ns, bus_due_ns(part.venue.inbox))


@hot
def _pass_on(market: Record, part: Record) -> None:
    """Risk's outputs go to the venue or back to the quoter."""
    risk = part.risk
    for i in range(risk.outbox_count):
        message = risk.outbox[i]
        record(market, message)
        if message.kind in (SUBMIT, CANCEL):
            send(part.venue, message)
        else:
            quoter_take(part.quoter, message)
    risk.outbox_count = 0


@compiled
def is_pending(part: Record, now_ns: int) -> bool:
    """True if a request or an answer of the set is still in flight after `now_ns`."""
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
