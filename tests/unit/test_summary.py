"""The texts of summary, status and console: what went wrong and why comes first, amounts have units."""

from typing import Any

import msgspec

from mm_cli.console import rows
from mm_cli.summary import activity_rows, as_text, feed_rows, result_rows, size_notes, status_rows
from mm_core import events as e
from mm_core.risk.reason import Reason
from mm_core.setup.config import to_config
from mm_core.types import NS_PER_S, BookState, Side, TradeState
from mm_research.session_tracker import SessionStatus, SessionTracker
from mm_session.view import SessionView

SUMMARY: dict[str, Any] = {
    "book": {"state": "GAP", "reason": "crossed", "valid_share": 0.07, "not_valid": {"GAP (crossed)": 0.93}},
    "quoted_share": {"either": 0.062, "bid": 0.05, "ask": 0.06, "both": 0.048},
    "why": ["no VALID book for 93 % of the time: GAP (crossed) 93 %"],
    "trading": {
        "state": "HALTED",
        "reason": "loss_session",
        "halted_share": 0.5,
        "halts": [{"time": "2024-08-08 12:00:30Z", "reason": "loss_session", "resumed": None, "resumes": None}],
    },
    "denied": {"position": 2, "halted": 5_000},
    "rejected": {},
    "feed": {"dropped": {"old": 2}},
    "left_out": {"bad frame": {"count": 1, "first": "day.txt:7: not JSON"}},
    "fees": "maker 0.1 %, taker 0.1 %: the venue's regular fees",
    "limits": {
        "order_max_base": 0.1,
        "position_max_base": 1.2,
        "collar_bps": None,
        "loss_session_max_quote": 1234.5,
        "loss_day_max_quote": None,
    },
    "units": {"base": "BTC", "quote": "USDT"},
    "fill_model": "whole fills",
    "orders": 1_000,
    "fills": 7,
    "ratios": {"fill_orders": 0.005, "fill_qty": 0.0042, "cancel": 0.9, "order_to_trade": 380.0},
    "drawdown_max": 2.5,
    "position": 0.5,
    "pnl": {"total": -1.5, "fees": 0.5, "realised": 0.0, "unrealised": -1.0, "spread": 1.0, "inventory": -2.0},
    "spread_captured_pct": {"0s": 6.3, "0.1s": -101.5, "1s": -1_136.06, "5s": None, "60s": None},
    "digests": {"orders": "ab"},
}


def test_a_summary_begins_with_the_book_and_why_little_was_quoted() -> None:
    assert as_text(activity_rows(SUMMARY)).splitlines() == [
        "book        GAP (crossed) at the end; VALID 7 % of the time",
        "quoted      6.2 % of the time: bid 5 %, ask 6 %, both 4.8 %",
        "why         no VALID book for 93 % of the time: GAP (crossed) 93 %",
        "trading     HALTED (loss session) at the end; halted 50 % of the time, first at 2024-08-08 12:00:30Z",
        "denied      halted 5,000, position 2",
        "dropped     old 2",
        "left out    1 line: bad frame; first day.txt:7: not JSON",
        "fees        maker 0.1 %, taker 0.1 %: the venue's regular fees",
        "limits      order 0.1 BTC, position 1.2 BTC, loss of the session 1,234.5 USDT",
    ]


def test_amounts_have_units() -> None:
    shown = dict(result_rows(SUMMARY)[:5])
    assert shown["orders"] == "1,000, fills 7, position 0.5 BTC"
    assert shown["ratios"] == "filled 0.5 % of orders, 0.42 % of quantity; canceled 90 %; order-to-trade 380.0"
    assert shown["drawdown"] == "2.5 USDT at most"
    assert shown["result"] == "-1.5 USDT after fees of 0.5 USDT"


def test_what_has_nothing_to_be_divided_by_is_a_dash() -> None:
    none = dict.fromkeys(SUMMARY["ratios"])
    shown = dict(result_rows(SUMMARY | {"ratios": none}))
    assert shown["ratios"] == "filled - of orders, - of quantity; canceled -; order-to-trade -"


def test_a_halt_that_ends_by_itself_has_its_end() -> None:
    halts = [SUMMARY["trading"]["halts"][0] | {"reason": "fill_rate", "resumes": "2024-08-08 12:01:30Z"}]
    shown = dict(activity_rows(SUMMARY | {"trading": SUMMARY["trading"] | {"halts": halts}}))
    assert shown["trading"].endswith("first at 2024-08-08 12:00:30Z, resumes at 2024-08-08 12:01:30Z")
    running = {"risk": {"trading": {"state": "HALTED", "reason": "fill_rate", "resumes_ns": 1_723_118_490 * NS_PER_S}}}
    assert status_rows(running) == [("trading", "HALTED (fill rate), resumes at 2024-08-08 12:01:30Z")]


def test_what_was_captured_is_one_line_and_a_dash_where_unknown() -> None:
    shown = dict(result_rows(SUMMARY))
    assert shown["captured"] == "6 % of the quoted half-spread at the fill, -1,136 % after 1 s"
    unknown = SUMMARY | {"spread_captured_pct": dict.fromkeys(("0s", "1s"))}
    assert dict(result_rows(unknown))["captured"] == "- of the quoted half-spread at the fill, - after 1 s"


def test_which_definition_of_a_size_wins_is_one_line() -> None:
    assert size_notes("0.1", "", "info.json") == ["--tick 0.1 wins over the tick size of --exchange-info info.json"]
    assert size_notes("0.1", "0.01", None) == []


def test_status_shows_the_session_and_skips_services_that_are_away() -> None:
    services: dict[str, Any] = {
        "risk": {"trading": {"state": "REDUCING", "reason": "operator"}, "denied": {"position": 3}},
        "book_builder": {"book": {"state": "VALID", "reason": ""}},
        "quoter": None,
        "paper_exchange": {"rejected": {}},
        "recorder": {"feed": {"dropped": {"old": 1}}},
    }
    assert status_rows(services) == [
        ("book", "VALID"),
        ("trading", "REDUCING (operator)"),
        ("denied", "position 3"),
        ("rejected", "-"),
        ("dropped", "old 1"),
    ]
    assert status_rows({"risk": None}) == []


INSTRUMENT = e.InstrumentDefined(
    instrument_id="binance.BTCUSDT",
    venue_symbol="BTCUSDT",
    ts_ns=0,
    tick_size="0.1",
    lot_size="0.001",
    base="BTC",
    quote="USDT",
)


def status_after(*events: e.Event, strategy: str = "fixed_spread") -> SessionStatus:
    """The status of a session with these events."""
    session = SessionTracker(INSTRUMENT, to_config({"quoter": {"strategy": strategy}}))
    for event in events:
        session.take(event)
    return session.status()


def fields_at(second: int, **fields: Any) -> dict[str, Any]:
    return {"instrument_id": "binance.BTCUSDT", "ts_ns": second * NS_PER_S, "local_ns": second * NS_PER_S} | fields


def tick(second: int) -> e.Tick:
    return e.Tick(ts_ns=second * NS_PER_S, local_ns=second * NS_PER_S, root_seq=second)


def book(second: int, state: BookState = BookState.VALID, reason: int = 0) -> e.Book:
    """A book at 10.0 / 10.2 with a cold volatility."""
    numbers: dict[str, Any] = dict.fromkeys(
        ("weighted_mid_ticks", "micro_stdev_ticks", "micro_min_ticks", "micro_max_ticks"), 0.0
    )
    touch: dict[str, Any] = {
        "bid_ticks": 100,
        "bid_lots": 5,
        "ask_ticks": 102,
        "ask_lots": 5,
        "mid_half_ticks": 202,
        "ofi_lots": 0,
    }
    return e.Book(
        **fields_at(second),
        **numbers,
        **touch,
        state=state,
        reason=reason,
        epoch=1,
        update_id=1,
        volatility_ticks_sqrt_s=float("nan"),
        executable_spread_bps=(),
        fillable_fraction=(),
    )


def order(order_id: int, side: Side = Side.BUY) -> dict[str, Any]:
    return fields_at(2, order_id=order_id, side=side, price_ticks=100, qty_lots=5, leaves_lots=5)


def test_the_console_shows_why_no_order_rests_now() -> None:
    halted = e.TradingState(**fields_at(2), state=TradeState.HALTED, reason=int(Reason.LOSS_SESSION))
    assert status_after().why == ("book SYNCING",)
    assert status_after(tick(1), book(1, BookState.STALE, 1)).why == ("book STALE (silent)",)
    assert status_after(tick(1), book(1), strategy="avellaneda_stoikov").why == ("volatility not warm yet",)
    assert status_after(tick(1), book(1), halted).why == ("halted: loss of the session",)
    often = msgspec.structs.replace(halted, reason=int(Reason.FILL_RATE), resumes_ns=62 * NS_PER_S)
    assert status_after(tick(1), book(1), often).why == (
        "halted: as many orders filled in one window as [risk] fills_per_window_max; resumes at 1970-01-01 00:01:02Z",
    )
    denied = e.OrderDenied(**order(1), reason=int(Reason.POSITION))
    status = status_after(tick(1), book(1), e.OrderIntent(**order(1)), denied)
    assert status.why == ("bid denied: position at its limit ([risk] position_max_base)",)
    assert status.denied == {"position": 1}


def test_the_console_counts_the_time_quoted_and_has_units() -> None:
    intent = e.OrderIntent(**order(1))
    sent = e.SubmitOrder(**order(1), time_in_force=1)  # type: ignore[arg-type]  # an IntEnum
    status = status_after(tick(1), book(1), tick(2), intent, sent, e.OrderAccepted(**order(1)), tick(5))
    assert (status.quoted_share, status.why) == (0.75, ())
    shown = dict(rows(SessionView(standing=status, log_seq=7, restarts={}, speed_x=1.0)))
    assert shown["quotes"] == "bid 10, ask -; 75 % of time"
    assert (shown["position"], shown["refused"]) == ("0 BTC", "denied -; rejected -")
    assert shown["PnL"].endswith("T 0 USDT")
    assert shown["time"] == "1970-01-01 00:00:05 UTC, 1.0x, log 7"


def test_what_was_wrong_with_the_market_data_is_counted_by_name() -> None:
    feed = {"gaps": 0, "times_bounded": 2, "crossed": 1, "dropped": {"old": 3, "gap": 0}}
    assert feed_rows(feed) == [("feed", "times out of bounds 2, crossed books 1"), ("dropped", "old 3")]
    assert feed_rows({"gaps": 0, "dropped": {}}) == []
