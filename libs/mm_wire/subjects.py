"""The one place that says under which name an event travels and which one process may say it."""

import re

from mm_core import events as e
from mm_core.types import InputError

RECORDER = "recorder"
SEQUENCER = "sequencer"
CONSOLE = "crypto-mm"
BOOK_BUILDER = "book_builder"
QUOTER = "quoter"
RISK = "risk"
PAPER_EXCHANGE = "paper_exchange"
ACCOUNTANT = "accountant"

# event type -> (family.type, said by)
NAMES: dict[type[e.Event], tuple[str, str]] = {
    e.InstrumentDefined: ("md.instrument", RECORDER),
    e.FeedStatus: ("md.status", RECORDER),
    e.BookSnapshot: ("md.snapshot", RECORDER),
    e.BookDelta: ("md.delta", RECORDER),
    e.BookTop: ("md.top", RECORDER),
    e.Trade: ("md.trade", RECORDER),
    e.Tick: ("clock.tick", SEQUENCER),
    e.OperatorCommand: ("op.command", CONSOLE),
    e.Book: ("book.state", BOOK_BUILDER),
    e.OrderIntent: ("order.submit_intent", QUOTER),
    e.CancelIntent: ("order.cancel_intent", QUOTER),
    e.AmendIntent: ("order.amend_intent", QUOTER),
    e.SubmitOrder: ("order.submit", RISK),
    e.CancelOrder: ("order.cancel", RISK),
    e.AmendOrder: ("order.amend", RISK),
    e.OrderDenied: ("order.denied", RISK),
    e.OrderAccepted: ("order.accepted", PAPER_EXCHANGE),
    e.OrderRejected: ("order.rejected", PAPER_EXCHANGE),
    e.OrderCanceled: ("order.canceled", PAPER_EXCHANGE),
    e.CancelRejected: ("order.cancel_rejected", PAPER_EXCHANGE),
    e.OrderAmended: ("order.amended", PAPER_EXCHANGE),
    e.OrderExpired: ("order.expired", PAPER_EXCHANGE),
    e.OrderFilled: ("order.filled", PAPER_EXCHANGE),
    e.TradingState: ("risk.trading_state", RISK),
    e.LimitChanged: ("risk.limit", RISK),
    e.AccountSnapshot: ("account.snapshot", ACCOUNTANT),
    e.PositionChanged: ("account.position", ACCOUNTANT),
    e.Markout: ("account.markout", ACCOUNTANT),
    e.KpiSnapshot: ("account.kpi", ACCOUNTANT),
}
assert tuple(NAMES) == e.EVENTS, "every event has its line here, in the order of AnyEvent"

_GROUP = re.compile(r"[A-Za-z0-9_-]+")


def stream(group: str) -> str:
    """Name of the stream that holds the log of a group. InputError where the bus could not carry the group's name."""
    if not _GROUP.fullmatch(group):
        raise InputError(f"group {group!r}: only letters, digits, '-' and '_' can stand in a stream's name")
    return f"MM_{group}"


def subject(group: str, event: e.Event) -> str:
    """The subject an event travels under: `mm.<group>.<family>.<type>.<venue>.<SYMBOL>`.

    Tick and OperatorCommand are about no instrument and have no tail. The group is one that `stream` accepted.
    """
    head = f"mm.{group}.{NAMES[type(event)][0]}"
    if isinstance(event, e.MarketEvent | e.Said):
        return f"{head}.{event.instrument_id}"
    return head


def said_by(event_type: type[e.Event]) -> str:
    """The one node or program that may say an event; the sequencer refuses it from any other."""
    return NAMES[event_type][1]
