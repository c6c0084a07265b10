"""The cases: how each recording of a fault is run, and what is right."""

from collections.abc import Sequence
from typing import NamedTuple

QUOTES = ("quoter.strategy=fixed_spread", "fixed_spread.half_spread_ticks=1", "risk.default_limits=false")
NO_FEES = ("exchange.maker_fee=0", "exchange.taker_fee=0")


class Case(NamedTuple):
    """A recording, how it is run, and what is right; `check` of it is in test_cases.py, by its name."""

    name: str
    right: str
    settings: Sequence[str]
    options: Sequence[str] = ("--tick", "0.1", "--lot", "0.001")
    symbol: str = "BTCUSDT"
    exit_code: int = 0


def settings(*more: str) -> list[str]:
    return [*QUOTES, *NO_FEES, *more]


CASES = [
    Case(
        "stale",
        "STALE 5 s after the last depth event, whatever trades: nothing fills later",
        settings("book.stale_ms=5000", "quoter.order_qty_base=0.01", "quoter.levels=3", "quoter.level_step_ticks=20"),
    ),
    Case(
        "crossed", "GAP at the crossing diff, VALID again by the next snapshot", settings("quoter.order_qty_base=0.01")
    ),
    Case(
        "late_trade",
        "a lower trade id behind a higher one is passed on and counted late, not repeated",
        settings("quoter.order_qty_base=0.01"),
    ),
    Case(
        "ids_restart",
        "ids begin again without notice: a new epoch, VALID by its snapshot, nothing dropped",
        settings("quoter.order_qty_base=0.01"),
    ),
    Case(
        "ids_restart_disconnected",
        "the same with a lost connection in between",
        settings("quoter.order_qty_base=0.01"),
    ),
    Case(
        "id_spike",
        "one update id and one trade id jump by 1e9: resync, and nothing behind them is dropped",
        settings("quoter.order_qty_base=0.01"),
    ),
    Case(
        "future_trade",
        "one T an hour ahead is bounded and counted; the session trades on",
        settings("quoter.order_qty_base=0.01"),
    ),
    Case("future_day", "one E a day ahead likewise", settings("quoter.order_qty_base=0.01")),
    Case(
        "wall_clock_steps",
        "our wall clock an hour ahead and back: no lasting offset",
        settings("quoter.order_qty_base=0.01"),
    ),
    Case("futures", "USD-M futures frames are not this market: exit 2", settings(), exit_code=2),
    Case("unproven", "no snapshot: no book was proven, exit 2 with what was found", settings(), exit_code=2),
    Case(
        "sweep",
        "150 prints in a millisecond through small orders: all booked, alike everywhere",
        settings("quoter.order_qty_base=0.05", "quoter.levels=8", "quoter.position_max_base=10"),
    ),
    Case(
        "large_lots",
        "quantities of 1e10 lots are exact",
        settings("quoter.order_qty_base=100000000", "quoter.position_max_base=1000000000"),
        ("--tick", "0.00000001", "--lot", "0.1"),
        "BTTCUSDT",
    ),
    Case(
        "large_money",
        "10 BTC at 1.5e9 IDR: fees are right and above 0",
        ["quoter.order_qty_base=10", "quoter.position_max_base=100", *QUOTES, "exchange.maker_fee=0.001"],
        ("--tick", "1", "--lot", "0.00001"),
        "BTCIDR",
    ),
    Case(
        "far_levels",
        "26,000 levels far from the touch",
        settings("quoter.order_qty_base=0.01"),
        ("--tick", "0.01", "--lot", "0.001"),
    ),
    Case(
        "minimum_notional",
        "orders below the venue's minimum: blocked once, no fills",
        settings("quoter.order_qty_base=0.001"),
        ("--exchange-info", "exchange_info.json"),
    ),
    Case(
        "hour_halted",
        "halted early: no intents and no denials by the thousand",
        settings("quoter.order_qty_base=0.5", "risk.loss_session_max_quote=0.2"),
    ),
    Case(
        "dust",
        "a rest of 1 % of the target size is replenished",
        settings("fixed_spread.half_spread_ticks=0.5", "quoter.order_qty_base=0.1"),
    ),
    Case(
        "contradicting_top",
        "the venue's own top is not ours at an equal id: GAP, exit 1 with file and line",
        settings("quoter.order_qty_base=0.01"),
        exit_code=1,
    ),
    Case(
        "status_halt",
        "not quoted while the symbol's status is HALT",
        settings("quoter.order_qty_base=0.1"),
        ("--exchange-info", "exchange_info.json"),
    ),
]
