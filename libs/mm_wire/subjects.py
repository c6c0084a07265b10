"""The one table of events: the subject of each, and the one process that may publish it."""

import re

from mm_core import events as e
from mm_core.types import InputError

RECORDER = "recorder"
SEQUENCER = "sequencer"
CONSOLE = "crypto-mm"
OPERATOR = "operator"  # the user of the bus that the console logs in as
ARCHIVER = "archiver"
BOOK_BUILDER = "book_builder"
QUOTER = "quoter"
RISK = "risk"
PAPER_EXCHANGE = "paper_exchange"
ACCOUNTANT = "accountant"

# event type -> (family.type, publisher)
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
    e.SubmitOrder: ("order.submit", RISK),
    e.CancelOrder: ("order.cancel", RISK),
    e.OrderDenied: ("order.denied", RISK),
    e.OrderAccepted: ("order.accepted", PAPER_EXCHANGE),
    e.OrderRejected: ("order.rejected", PAPER_EXCHANGE),
    e.OrderCanceled: ("order.canceled", PAPER_EXCHANGE),
    e.CancelRejected: ("order.cancel_rejected", PAPER_EXCHANGE),
    e.OrderExpired: ("order.expired", PAPER_EXCHANGE),
    e.OrderFilled: ("order.filled", PAPER_EXCHANGE),
    e.TradingState: ("risk.trading_state", RISK),
    e.LimitChanged: ("risk.limit", RISK),
    e.PositionChanged: ("account.position", ACCOUNTANT),
}
assert tuple(NAMES) == e.EVENTS, "every event has its line here, in the order of AnyEvent"

_GROUP = re.compile(r"[A-Za-z0-9_-]+")


def stream(group: str) -> str:
    """Name of the stream that holds the log of a group. InputError where the bus could not carry the group's name."""
    if not _GROUP.fullmatch(group):
        raise InputError(f"group {group!r}: only letters, digits, '-' and '_' can stand in a stream's name")
    return f"MM_{group}"


def state_bucket(group: str) -> str:
    """Name of the key-value store that holds the states of a group's nodes, a key each."""
    return f"{stream(group)}_STATE"


def subject(group: str, event: e.Event) -> str:
    """The subject an event travels under: `mm.<group>.<family>.<type>.<venue>.<SYMBOL>`.

    Tick and OperatorCommand are about no instrument and have no tail. The group is one that `stream` accepted.
    """
    instrument_id = event.instrument_id if isinstance(event, e.MarketEvent | e.NodeEvent) else ""
    return subject_of(group, type(event), instrument_id)


def subject_of(group: str, event_type: type[e.Event], instrument_id: str) -> str:
    """As `subject`, of an event that need not be decoded for it; no instrument is ""."""
    tail = f".{instrument_id}" if instrument_id else ""
    return f"mm.{group}.{NAMES[event_type][0]}{tail}"


def published_by(event_type: type[e.Event]) -> str:
    """The one node or program that may publish an event; the sequencer refuses it from any other."""
    return NAMES[event_type][1]


def kind_subject(group: str, event_type: type[e.Event]) -> str:
    """The filter for all events of one type in a group's log."""
    tail = ".>" if issubclass(event_type, e.MarketEvent | e.NodeEvent) else ""
    return f"mm.{group}.{NAMES[event_type][0]}{tail}"


def log_subjects(group: str) -> list[str]:
    """Everything that a group's log stores; messages of nodes and sources to the sequencer are not among it."""
    families = dict.fromkeys(name.split(".")[0] for name, _ in NAMES.values())
    return [f"mm.{group}.{family}.>" for family in families]


def writer_subject(group: str) -> str:
    """Where a sequencer writes its fence when it takes over the log: no event, and not delivered to readers."""
    return f"mm.{group}.writer"


def root_subject(group: str, source: str) -> str:
    """Where a source of roots sends them to the sequencer."""
    return f"mm.{group}.root.{source}"


def ack_subject(group: str, source: str) -> str:
    """Where the sequencer acknowledges the roots of a source: the next number that it expects."""
    return f"mm.{group}.ack.{source}"


def report_subject(group: str, node: str) -> str:
    """Where a node reports its outputs to the sequencer."""
    return f"mm.{group}.report.{node}"


def resend_subject(group: str) -> str:
    """Where the sequencer requests from all nodes the reports that no append has confirmed."""
    return f"mm.{group}.resend"


def status_subject(group: str, service: str) -> str:
    """Where a service answers with its status."""
    return f"mm.{group}.status.{service}"


def end_subject(group: str) -> str:
    """Where a recorder is requested to end the log behind what it has seen."""
    return f"mm.{group}.end"


def sql_subject(group: str) -> str:
    """Where the archiver answers queries of the store."""
    return f"mm.{group}.sql"
