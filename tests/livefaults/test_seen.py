"""Figures of a log that was written by hand: what a session made of a fault is read right."""

from collections.abc import Sequence

import msgspec
from tests.livefaults.market import Touch
from tests.livefaults.seen import Healing, Span, ahead_ns, backlog, filled, healing, late, ordered, untrue

from mm_core import events as e
from mm_core.types import NS_PER_S, BookReason, BookState, Side, TimeInForce

ID = "binance.TESTUSDT"
BOOK = e.Book(
    instrument_id=ID,
    ts_ns=0,
    local_ns=0,
    state=BookState.VALID,
    epoch=1,
    update_id=7,
    bid_ticks=9_999,
    bid_lots=5,
    ask_ticks=10_001,
    ask_lots=6,
    mid_half_ticks=20_000,
    weighted_mid_ticks=10_000.0,
    volatility_ticks_sqrt_s=1.0,
    micro_stdev_ticks=1.0,
    micro_min_ticks=0.0,
    micro_max_ticks=0.0,
    ofi_lots=0,
    executable_spread_bps=(),
    fillable_fraction=(),
)
TRUE = Touch(99_990, 5, 100_010, 6)


def book(s: float, state: BookState = BookState.VALID, reason: int = 0, update_id: int = 7) -> e.Book:
    return msgspec.structs.replace(BOOK, local_ns=ns(s), state=state, reason=reason, update_id=update_id)


def ns(s: float) -> int:
    return int(s * NS_PER_S)


def status(s: float, state: BookState, reason: str = "") -> e.FeedStatus:
    return e.FeedStatus(instrument_id=ID, ts_ns=ns(s), local_ns=ns(s), state=state, epoch=1, reason=reason)


def order(s: float) -> e.SubmitOrder:
    terms = {"side": Side.BUY, "price_ticks": 1, "qty_lots": 1, "leaves_lots": 1, "time_in_force": TimeInForce.GTX}
    return e.SubmitOrder(instrument_id=ID, ts_ns=ns(s), local_ns=ns(s), order_id=1, **terms)  # type: ignore[arg-type]


def fill(ts_s: float, local_s: float) -> e.OrderFilled:
    terms = {"side": Side.BUY, "price_ticks": 1, "qty_lots": 1, "leaves_lots": 0, "maker": True, "fee_e9": 0}
    return e.OrderFilled(instrument_id=ID, ts_ns=ns(ts_s), local_ns=ns(local_s), order_id=1, **terms)  # type: ignore[arg-type]


HEALED: Sequence[e.AnyEvent] = (
    order(1),
    book(1),
    status(2, BookState.GAP, "ids"),
    status(2, BookState.SYNCING, "resync"),
    status(3, BookState.VALID),
    book(3),
    order(4),
)


def test_a_book_is_void_for_a_reason_and_proven_again() -> None:
    states = ("GAP", "SYNCING", "VALID")
    assert healing(HEALED, 2, 0) == Healing(ns(2), ("ids", "resync"), states, ns(3), ns(4))


def test_a_book_that_stays_as_it_is_heals_nothing() -> None:
    assert healing([order(1), book(1), order(4)], 1, 0) == Healing()
    assert healing(HEALED[:4], 2, 0).valid_ns == 0
    assert healing(HEALED[:6], 2, 0).order_ns == 0


def test_what_is_proven_before_the_fault_is_over_does_not_count() -> None:
    assert healing(HEALED, 2, ns(3.5)).valid_ns == 0


def test_a_nodes_own_reason_is_one() -> None:
    log = [book(1), book(7, BookState.STALE, BookReason.SILENT), book(9)]
    assert healing(log, 1, 0)[:3] == (ns(7), ("silent",), ("STALE", "VALID"))


def test_orders_and_fills_in_the_quiet_time_are_counted_by_either_time() -> None:
    span = Span(ns(1), ns(3), ns(30))
    assert ordered([order(2.9), order(3), order(29.9), order(30)], span) == 2
    assert filled([fill(2, 2.5), fill(2, 5), fill(5, 31), fill(31, 31)], span) == 2


def test_a_book_that_is_not_the_venues_is_untrue() -> None:
    none = Span(0, 0, 0)
    assert untrue([book(1), book(1, BookState.STALE, update_id=8)], {7: TRUE}, none) == 0
    assert untrue([book(1)], {7: TRUE._replace(bid_lots=4)}, none) == 1
    assert untrue([book(1, update_id=8), book(5, update_id=8)], {7: TRUE}, Span(0, 0, ns(2))) == 1


def test_an_order_long_after_its_cause_is_late() -> None:
    assert late([order(1), order(1)], [ns(4.4), ns(4.6)]) == 1


def test_a_log_may_not_be_ahead_of_the_clock() -> None:
    tick = e.Tick(ts_ns=ns(5), local_ns=ns(5), root_seq=1)
    assert ahead_ns([tick, tick], [ns(5), ns(4)]) == ns(1)


def test_what_the_exchange_sent_in_a_freeze_is_a_backlog() -> None:
    trade = e.Trade(instrument_id=ID, ts_ns=ns(9), trade_id=1, side=Side.BUY, price_ticks=1, qty_lots=1)
    assert backlog([trade], Span(0, ns(3), ns(30))) == 1
    assert backlog([trade], Span(0, ns(3), ns(9))) == 0
