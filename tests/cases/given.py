"""The small recordings that lie beside the repository, if they do: how each is run, and what is right."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from tests.cases import checks
from tests.cases.cases import Case, settings
from tests.cases.checks import Seen, _last_book, _ms, _submitted_after
from tests.cases.ways import Outcome

from mm_core.events import OrderFilled, Trade
from mm_core.types import BookState


class Given(NamedTuple):
    """A file, how it is run, and its check."""

    file: str
    case: Case
    check: Callable[[Outcome], Seen] | None = None


def _case(right: str, *more: str, options: Sequence[str] = (), symbol: str = "BTCUSDT", exit_code: int = 0) -> Case:
    chosen = options or ("--tick", "0.1", "--lot", "0.001")
    return Case("", right, settings(*more), chosen, symbol, exit_code)


def _valid_again(outcome: Outcome) -> Seen:
    last, crossed = _last_book(outcome), outcome.summary["feed"]["crossed"]
    return f"{crossed} crossed, {last.state.name}, epoch {last.epoch}", last.state == BookState.VALID and last.epoch > 1


def _ooo(outcome: Outcome) -> Seen:
    feed = outcome.summary["feed"]
    ids = [trade.trade_id for trade in outcome.of(Trade)]
    seen = f"trades {ids}, {feed['trades_late']} late, {feed['trades_repeated']} repeated"
    return seen, (sorted(ids), feed["trades_late"], feed["trades_repeated"]) == ([1, 2, 3], 1, 0)


def _reset(outcome: Outcome) -> Seen:
    feed, last = outcome.summary["feed"], _last_book(outcome)
    orders = _submitted_after(outcome, 3_605_000)
    seen = (
        f"{feed['trades']} trades, {feed['trades_repeated']} repeated, {feed['depth_applied']} diffs applied, "
        f"epoch {last.epoch}, {last.state.name}, {orders} orders behind it"
    )
    right = feed["trades"] == 650 and feed["trades_repeated"] == 0 and last.epoch > 1 and orders > 0
    return seen, right and last.state == BookState.VALID and feed["depth_applied"] >= 645


def _future(outcome: Outcome) -> Seen:
    return checks._time_holds(outcome, 120, 35_000)


def _fills(outcome: Outcome) -> Seen:
    fills = outcome.of(OrderFilled)
    return f"{len(fills)} fills of {sum(fill.qty_lots for fill in fills):,} lots", bool(fills)


def _dust(outcome: Outcome) -> Seen:
    orders = outcome.of(OrderFilled)
    submitted = _submitted_after(outcome, 2_025)
    return f"{len(orders)} fills, {submitted} orders behind the partial fill", bool(orders) and submitted > 0


def _levels(outcome: Outcome) -> Seen:
    fills = [(_ms(fill.ts_ns), fill.price_ticks, fill.qty_lots) for fill in outcome.of(OrderFilled)]
    return f"fills {fills}", bool(fills) and [price for _, price, _ in fills] == sorted(
        (p for _, p, _ in fills), reverse=True
    )


def _sync(outcome: Outcome) -> Seen:
    feed = outcome.summary["feed"]
    names = ("depth_received", "depth_dropped", "depth_applied", "depth_duplicates", "gaps", "snapshots_refused")
    seen = {name: feed[name] for name in names}
    return str(list(seen.values())), feed["gaps"] == 1 and feed["touch_checked"] == feed["touch_equal"] == 3


def _notional(outcome: Outcome) -> Seen:
    return checks.minimum_notional(outcome)


def _hour(outcome: Outcome) -> Seen:
    denied = sum(outcome.summary.get("denied", {}).values())
    size = sum(path.stat().st_size for path in (outcome.session / "log").iterdir())
    state = str(outcome.summary.get("trading", {}).get("state")).upper()
    return (
        f"{denied} denials, {len(outcome.log)} events, {size / 1e6:.2f} MB, {state}",
        denied <= 10 and state == "HALTED",
    )


GIVEN = [
    Given(
        "stale_tiny.txt",
        _case(
            "STALE from 5.1 s on, no later fill",
            "book.stale_ms=5000",
            "quoter.order_qty_base=0.01",
            "quoter.levels=3",
            "quoter.level_step_ticks=20",
        ),
        checks.stale,
    ),
    Given("crossed_tiny.txt", _case("GAP, VALID again", "quoter.order_qty_base=0.01"), _valid_again),
    Given("crossed.txt.gz", _case("GAP, VALID again", "quoter.order_qty_base=0.01"), _valid_again),
    Given("ooo_tiny.txt", _case("kept, counted late", "quoter.order_qty_base=0.01"), _ooo),
    Given("reset.txt.gz", _case("a new epoch, nothing dropped", "quoter.order_qty_base=0.01"), _reset),
    Given("reset_ctl.txt.gz", _case("a new epoch, nothing dropped", "quoter.order_qty_base=0.01"), _reset),
    Given("future_small.txt.gz", _case("bounded, trades on", "quoter.order_qty_base=0.01"), _future),
    Given("futures100.txt.gz", _case("exit 2: not this market", exit_code=2)),
    Given(
        "sweep.txt.gz",
        _case(
            "all fills booked",
            "fixed_spread.half_spread_ticks=0.5",
            "quoter.order_qty_base=0.05",
            "quoter.levels=8",
            "quoter.position_max_base=10",
        ),
        _fills,
    ),
    Given(
        "bttc.txt.gz",
        _case(
            "exact",
            "fixed_spread.half_spread_ticks=0.5",
            "quoter.order_qty_base=100000000",
            "quoter.position_max_base=1000000000",
            options=("--tick", "0.00000001", "--lot", "0.1"),
            symbol="BTTCUSDT",
        ),
        checks.large_lots,
    ),
    Given(
        "shib2.txt.gz",
        _case(
            "exact",
            "fixed_spread.half_spread_ticks=0.5",
            "quoter.order_qty_base=5000000",
            "quoter.position_max_base=50000000",
            options=("--tick", "0.00000001", "--lot", "1"),
            symbol="SHIBUSDT",
        ),
        _fills,
    ),
    Given(
        "far26000.txt.gz",
        _case("works", "quoter.order_qty_base=0.01", options=("--tick", "0.01", "--lot", "0.001")),
        checks.far_levels,
    ),
    Given(
        "notional.txt.gz",
        _case(
            "blocked once, no fills",
            "quoter.order_qty_base=0.001",
            options=("--exchange-info", "notional_exchange_info.json"),
        ),
        _notional,
    ),
    Given(
        "hour_halt.txt.gz",
        _case("no denials by the thousand", "quoter.order_qty_base=0.5", "risk.loss_session_max_quote=0.2"),
        _hour,
    ),
    Given(
        "dust.txt.gz", _case("replenished", "fixed_spread.half_spread_ticks=0.5", "quoter.order_qty_base=0.1"), _dust
    ),
    Given(
        "cutline.txt.gz",
        _case(
            "the whole lines with --salvage",
            "quoter.order_qty_base=0.01",
            options=("--tick", "0.1", "--lot", "0.001", "--salvage"),
        ),
        _fills,
    ),
    Given(
        "levels.txt",
        _case(
            "nearest first, each at its own price",
            "fixed_spread.half_spread_ticks=0.5",
            "quoter.order_qty_base=0.1",
            "quoter.levels=4",
        ),
        _levels,
    ),
    Given("sync.txt", _case("ids worked out by hand", "quoter.order_qty_base=0.01"), _sync),
]
