"""What is right for each case: a function of its name finds what is wrong, as text, and the figure that shows it."""

from collections.abc import Callable

from tests.cases.lines import START_MS
from tests.cases.ways import Outcome

from mm_core.events import Book, FeedStatus, OrderDenied, OrderFilled, OrderIntent, SubmitOrder, Tick, Trade
from mm_core.types import BookState

# What was seen, and whether it is right.
Seen = tuple[str, bool]
NS_PER_MS = 1_000_000


def _ms(time_ns: int) -> float:
    return time_ns / NS_PER_MS - START_MS


def _states(outcome: Outcome) -> list[str]:
    """States of the feed in their order."""
    return [status.state.name for status in outcome.of(FeedStatus)]


def _last_book(outcome: Outcome) -> Book:
    return outcome.of(Book)[-1]  # type: ignore[no-any-return]


def _submitted_after(outcome: Outcome, ms: float) -> int:
    return sum(_ms(order.ts_ns) > ms for order in outcome.of(SubmitOrder))


def stale(outcome: Outcome) -> Seen:
    """Orders and fills after 5.1 s + the latency of a cancel."""
    late = [fill for fill in outcome.of(OrderFilled) if _ms(fill.ts_ns) > 5_300]
    state = _last_book(outcome).state
    return f"{len(late)} fills after 5.3 s, {state.name} at the end", not late and state != BookState.VALID


def crossed(outcome: Outcome) -> Seen:
    """GAP, then VALID to the end."""
    states, last = _states(outcome), _last_book(outcome)
    crossings, orders = outcome.summary["feed"]["crossed"], _submitted_after(outcome, 1_200)
    seen = f"{crossings} crossed, {' '.join(states)}, {orders} orders behind it"
    return seen, "GAP" in states and states[-1] == "VALID" == last.state.name and orders > 0


def late_trade(outcome: Outcome) -> Seen:
    """Every print once."""
    feed = outcome.summary["feed"]
    ids = sorted(trade.trade_id for trade in outcome.of(Trade))
    seen = f"trades {ids}, {feed['trades_late']} late, {feed['trades_repeated']} repeated"
    return seen, (ids, feed["trades_late"], feed["trades_repeated"]) == ([7, 8, 9, 10, 11], 2, 1)


def ids_restart(outcome: Outcome) -> Seen:
    """All trades, VALID in a later epoch, orders at the new prices."""
    feed, last = outcome.summary["feed"], _last_book(outcome)
    orders = _submitted_after(outcome, 3_602_000)
    seen = (
        f"{feed['trades']} trades, {feed['trades_repeated']} repeated, epoch {last.epoch}, {last.state.name}, "
        f"{orders} orders behind it"
    )
    right = feed["trades"] == 18 + 40 and feed["trades_repeated"] == 0 and last.epoch > 1
    return seen, right and last.state == BookState.VALID and orders > 0


ids_restart_disconnected = ids_restart


def id_spike(outcome: Outcome) -> Seen:
    """All trades, VALID again."""
    feed, last = outcome.summary["feed"], _last_book(outcome)
    seen = f"{feed['trades']} trades, {feed['trades_late']} late, epoch {last.epoch}, {last.state.name}"
    return seen, feed["trades"] == 41 and feed["trades_late"] <= 2 and last.epoch > 1 and last.state == BookState.VALID


def _time_holds(outcome: Outcome, market_s: float, fault_ms: float) -> Seen:
    ticks, fills = len(outcome.of(Tick)), [fill for fill in outcome.of(OrderFilled) if _ms(fill.ts_ns) > fault_ms]
    lasted_s, orders = outcome.summary["market_s"], _submitted_after(outcome, fault_ms)
    seen = f"{lasted_s:.1f} s of market, {ticks} Ticks, {orders} orders and {len(fills)} fills behind it"
    right = abs(lasted_s - market_s) < 1 and ticks < 10 * (market_s + 2) and orders > 0 and bool(fills)
    return seen, right and outcome.summary["feed"]["times_bounded"] > 0


def future_trade(outcome: Outcome) -> Seen:
    """A minute of market, traded to its end."""
    return _time_holds(outcome, 60, 25_000)


def future_day(outcome: Outcome) -> Seen:
    """Half a minute."""
    return _time_holds(outcome, 30, 12_000)


def wall_clock_steps(outcome: Outcome) -> Seen:
    """A minute, also behind the step back."""
    return _time_holds(outcome, 60, 25_000)


def sweep(outcome: Outcome) -> Seen:
    """Fills of the sweep: each order that was reached, no more than was printed."""
    fills = [fill for fill in outcome.of(OrderFilled) if 1_990 < _ms(fill.ts_ns) < 2_090]
    lots = sum(fill.qty_lots for fill in fills)
    return f"{len(fills)} fills, {lots} of 300 lots", 100 <= len(fills) <= 150 and lots == 300


def large_lots(outcome: Outcome) -> Seen:
    """Money of the fills adds up."""
    fills = outcome.of(OrderFilled)
    value = sum((1 if fill.side else -1) * fill.price_ticks * fill.qty_lots for fill in fills)
    position = sum((-1 if fill.side else 1) * fill.qty_lots for fill in fills)
    last = [book for book in outcome.of(Book) if book.mid_half_ticks][-1]
    total = (value + position * last.mid_half_ticks / 2) * 1e-9
    seen = f"{len(fills)} fills, result {outcome.summary['pnl']['total']:.6f}"
    return seen, bool(fills) and abs(total - outcome.summary["pnl"]["total"]) < 1e-6


def large_money(outcome: Outcome) -> Seen:
    """Every fee is 0.1 % of its value."""
    fills = outcome.of(OrderFilled)
    fees = [(fill.fee_e9, fill.price_ticks * fill.qty_lots * 10) for fill in fills]
    wrong = [fee for fee, right in fees if fee != right]
    total = outcome.summary["pnl"]["fees"]
    return f"{len(fills)} fills, fees {total:,.0f} IDR", bool(fills) and not wrong and total > 0


def far_levels(outcome: Outcome) -> Seen:
    """It ends, VALID."""
    last = _last_book(outcome)
    return f"{outcome.summary['feed']['depth_applied']} diffs, {last.state.name}", last.state == BookState.VALID


def minimum_notional(outcome: Outcome) -> Seen:
    """Denied once a side."""
    denied, fills = len(outcome.of(OrderDenied)), len(outcome.of(OrderFilled))
    return f"{denied} denials {outcome.summary.get('denied')}, {fills} fills", 1 <= denied <= 4 and not fills


def hour_halted(outcome: Outcome) -> Seen:
    """Few intents after the halt, and a short log."""
    intents = sum(_ms(intent.ts_ns) > 2_300 for intent in outcome.of(OrderIntent))
    size = sum(path.stat().st_size for path in (outcome.session / "log").iterdir())
    trading = outcome.summary.get("trading", {}).get("state")
    seen = f"{intents} intents behind the halt, {len(outcome.log)} events, {size / 1e6:.2f} MB, {trading}"
    return seen, not intents and str(trading).upper() == "HALTED"


def dust(outcome: Outcome) -> Seen:
    """An order of the missing quantity soon after the fill."""
    fills = [fill for fill in outcome.of(OrderFilled) if fill.qty_lots == 99]
    added = [order for order in outcome.of(SubmitOrder) if order.qty_lots == 99 and _ms(order.ts_ns) > 2_010]
    at_ms = _ms(added[0].ts_ns) if added else -1
    return f"{len(fills)} fill of 0.099, replenished at {at_ms:.0f} ms", bool(fills) and 0 < at_ms < 2_500


def contradicting_top(outcome: Outcome) -> Seen:
    """GAP at once; the line is named."""
    named = "contradicting_top.txt.gz:" in outcome.err
    orders = _submitted_after(outcome, 1_300)
    return f"{' '.join(_states(outcome))}, {orders} orders behind it, named: {named}", named and not orders


def status_halt(outcome: Outcome) -> Seen:
    """No order while it halts, and orders again behind it."""
    halted = sum(2_200 < _ms(order.ts_ns) < 6_000 for order in outcome.of(SubmitOrder))
    behind = _submitted_after(outcome, 6_000)
    return f"{halted} orders in the halt, {behind} behind it, {' '.join(_states(outcome))}", not halted and behind > 0


CHECKS: dict[str, Callable[[Outcome], Seen]] = {
    name: function
    for name, function in globals().items()
    if callable(function) and not name.startswith("_") and function.__module__ == __name__
}
