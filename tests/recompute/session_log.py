"""A session's log root by root, in the types of the recomputation."""

from collections.abc import Iterable, Iterator
from typing import Any

from tests.recompute.account import AccountState
from tests.recompute.feed import Root
from tests.recompute.frames import Diff, Levels, Print, Snapshot, Top
from tests.recompute.venue import Answer, Request
from tests.recompute.view import Seen

ANSWERS = ("OrderAccepted", "OrderRejected", "OrderCanceled", "CancelRejected", "OrderExpired", "OrderFilled")


class Group:
    """A root of the log and what followed from it."""

    def __init__(self, root: tuple[Any, ...]) -> None:
        self.root = root
        self.answers: list[Answer] = []
        self.account_states: list[AccountState] = []
        self.books: list[Seen] = []
        self.requests: list[tuple[int, Request]] = []

    def add(self, kind: str, event: Any) -> None:
        """The next event behind the root."""
        if kind in ANSWERS:
            self.answers.append(_answer(kind, event))
        elif kind == "PositionChanged":
            self.account_states.append(AccountState(*(getattr(event, name) for name in AccountState._fields)))
        elif kind == "Book":
            touch = event.bid_ticks, event.bid_lots, event.ask_ticks, event.ask_lots
            self.books.append(Seen(event.local_ns, int(event.state), touch))
        elif kind == "SubmitOrder":
            order = int(event.side), event.price_ticks, event.qty_lots, int(event.time_in_force)
            self.requests.append((event.local_ns, Request(False, event.order_id, *order)))
        elif kind == "CancelOrder":
            terms = int(event.side), event.price_ticks, event.qty_lots
            self.requests.append((event.local_ns, Request(True, event.order_id, *terms)))


def groups(events: Iterable[Any]) -> Iterator[Group]:
    """The log's roots, each with what followed."""
    group: Group | None = None
    for event in events:
        kind = type(event).__name__
        if hasattr(event, "root_seq"):
            if group is not None:
                yield group
            times = event.ts_ns, event.recv_ns, event.local_ns, event.root_seq
            group = Group((kind, *times, _content(kind, event)))
        elif group is not None:
            group.add(kind, event)
    if group is not None:
        yield group


def _content(kind: str, event: Any) -> tuple[Any, ...]:
    match kind:
        case "BookDelta" | "BookSnapshot":
            return event.update_id, event.bid_ticks, event.bid_lots, event.ask_ticks, event.ask_lots
        case "BookTop":
            return event.update_id, event.bid_ticks, event.bid_lots, event.ask_ticks, event.ask_lots
        case "Trade":
            return event.trade_id, int(event.side), event.price_ticks, event.qty_lots
        case "FeedStatus":
            return int(event.state), event.complete_low_ticks, event.complete_high_ticks
    return ()


def content_of(root: Root) -> tuple[Any, ...]:
    """The content of a derived root, as `_content` has it of an event."""
    match root.body:
        case Diff() | Snapshot():
            bids, asks = root.body.sides
            return root.body.update_id, *_columns(bids), *_columns(asks)
        case Top():
            return root.body.update_id, *root.body.best[0], *root.body.best[1]
        case Print():
            return root.body.trade_id, root.body.taker, root.body.price_ticks, root.body.lots
    return root.body or ()


def _columns(levels: Levels) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return tuple(ticks for ticks, _ in levels), tuple(lots for _, lots in levels)


def _answer(kind: str, event: Any) -> Answer:
    def field(name: str) -> int:
        return int(getattr(event, name, 0))

    return Answer(
        kind,
        event.order_id,
        event.ts_ns,
        event.local_ns,
        side=field("side"),
        price_ticks=field("price_ticks"),
        lots=field("qty_lots"),
        leaves_lots=field("leaves_lots"),
        fee_e9=field("fee_e9"),
        is_maker=field("maker"),
        mid_half=field("mid_half_ticks"),
        reason=field("reason"),
    )
