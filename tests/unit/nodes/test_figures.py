"""The nodes' figures of states whose truth is known, in human units: tick 0.01, lot 0.001."""

import math
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace
from tests.unit.nodes.events import (
    ACCOUNTANT,
    BUILDER,
    EXCHANGE,
    INSTRUMENT,
    QUOTER,
    RISK,
    S,
    book,
    filled,
    intent,
    market,
    node,
    snapshot,
    step,
    terms,
)

from mm_core import events as e
from mm_core.node import Node
from mm_core.risk.reason import Reason
from mm_core.types import BookState, Command, Side, TimeInForce
from mm_service.figures.node import Figures, add_node
from mm_service.figures.output_counts import OutputCounts, add_output_counts
from mm_service.figures.scale import Scale
from mm_service.metrics import Metrics
from mm_services.accountant.figures import FIGURES as OF_ACCOUNT
from mm_services.book_builder.figures import FIGURES as OF_BOOK
from mm_services.paper_exchange.figures import FIGURES as OF_VENUE
from mm_services.quoter.figures import FIGURES as OF_QUOTES
from mm_services.risk.figures import FIGURES as OF_RISK

OWN: dict[int, Figures] = {
    ACCOUNTANT: OF_ACCOUNT,
    BUILDER: OF_BOOK,
    EXCHANGE: OF_VENUE,
    QUOTER: OF_QUOTES,
    RISK: OF_RISK,
}
QUOTES = {"order_qty_base": Decimal("0.004"), "position_max_base": Decimal("0.008")}


def figures(node: Node) -> dict[str, float]:
    """The figures of a node's state: `name`, or `name label` for each value of a label."""
    metrics = Metrics(node.name, "test")
    OWN[node.rank].of_state(metrics, node.state, Scale.of(INSTRUMENT))
    return read(metrics)


def read(metrics: Metrics) -> dict[str, float]:
    """Names without the service, with the values of their labels but the group's."""
    prefix = f"mm_{metrics._service}_"
    samples = [sample for family in metrics.collect() for sample in family.samples]
    return {
        " ".join([sample.name.removeprefix(prefix), *list(sample.labels.values())[:-1]]): sample.value
        for sample in samples
        if "_process_" not in sample.name
    }


def some(found: dict[str, float], *names: str) -> Any:
    return [pytest.approx(found[name], nan_ok=True) for name in names]


def test_the_book_shows_its_state_its_touch_and_its_silence() -> None:
    builder = node(BUILDER)
    empty = figures(builder)
    assert (empty["state syncing"], empty["state valid"]) == (1, 0)
    assert math.isnan(empty["spread_quote"])
    step(builder, snapshot(1 * S, bid=99, ask=103, lots=5))
    step(builder, e.FeedStatus(**market(1 * S), state=BookState.VALID, epoch=2))
    step(builder, e.Tick(ts_ns=4 * S, local_ns=4 * S))
    found = figures(builder)
    assert some(found, "state syncing", "state valid", "silence_seconds", "epoch") == [0, 1, 3, 2]
    assert some(found, "best_price_quote bid", "best_price_quote ask") == [0.99, 1.03]
    assert some(found, "best_size_base ask", "spread_quote", "mid_quote") == [0.005, 0.04, 1.01]


def test_the_quoter_shows_what_rests_and_not_what_is_only_intended() -> None:
    quoter = node(QUOTER, quoter=QUOTES, fixed_spread={"half_spread_ticks": 2.0})
    step(quoter, book(1 * S))
    shown = figures(quoter)
    assert some(shown, "orders_open bid", "quotes_resting bid", "side_quoted bid", "decisions_total") == [1, 0, 1, 1]
    assert math.isnan(shown["quoted_spread_quote"])
    for number, side, price in ((1, Side.BUY, 98), (2, Side.SELL, 102)):
        step(quoter, e.OrderAccepted(**market(1 * S), **terms(number, side, price)))
    found = figures(quoter)
    assert some(found, "quotes_resting bid", "quotes_resting ask", "quoted_spread_quote") == [1, 1, 0.04]
    assert some(found, "resting_price_quote ask", "fair_price_quote", "half_spread_quote") == [1.02, 1.0, 0.02]
    assert some(found, "position_max_base", "mode quoting", "mode flattening") == [0.008, 1, 0]
    step(quoter, e.OperatorCommand(ts_ns=2 * S, command=Command.FLATTEN))
    step(quoter, book(2 * S))
    assert some(figures(quoter), "mode quoting", "mode flattening", "side_quoted bid", "quotes_resting bid") == [
        0,
        1,
        0,
        1,
    ]


def test_the_account_shows_both_splits_of_the_result_in_quote() -> None:
    accountant = node(ACCOUNTANT)
    step(accountant, book(1 * S, bid=99, ask=101))
    step(accountant, filled(1 * S, 1, Side.BUY, 98))  # 4 lots, 2 ticks below the mid
    step(accountant, book(2 * S, bid=109, ask=111))
    step(accountant, replace(filled(2 * S, 2, Side.SELL, 112), qty_lots=1, fee_e9=1_000))
    found = figures(accountant)
    assert some(found, "position_base", "position_value_quote", "average_price_quote") == [0.003, 0.0033, 0.98]
    assert some(found, "pnl_realised_quote", "pnl_unrealised_quote") == [0.00014, 0.00036]
    assert some(found, "pnl_spread_quote", "pnl_inventory_quote") == [0.0001, 0.0004]
    assert some(found, "fees_quote", "pnl_total_quote") == [0.000001003, 0.000498997]
    assert some(found, "fills_total", "turnover_quote_total") == [2, 0.00504]
    assert some(found, "drawdown_quote", "drawdown_max_quote") == [0, 0]
    step(accountant, book(3 * S, bid=79, ask=81))  # 3 lots, 30 ticks: between fills, too
    assert some(figures(accountant), "drawdown_quote", "drawdown_max_quote") == [0.0009, 0.0009]
    step(accountant, book(4 * S, bid=89, ask=91))
    assert some(figures(accountant), "drawdown_quote", "drawdown_max_quote") == [0.0006, 0.0009]


def test_risk_shows_its_state_and_how_far_its_limits_are() -> None:
    risk = node(RISK, risk={"loss_session_max_quote": Decimal("0.001"), "position_max_base": Decimal("0.5")})
    step(risk, book(1 * S, bid=99, ask=101))
    step(risk, intent(1 * S, 1, Side.BUY, 98))
    found = figures(risk)
    assert some(found, "trading_state active", "orders_open", "open_base bid", "open_base ask") == [1, 1, 0.004, 0]
    assert some(found, "loss_max_quote session", "loss_max_quote day") == [0.001, math.inf]
    assert some(found, "position_max_base") == [0.5]
    step(risk, replace(filled(1 * S, 1, Side.BUY, 98, leaves_lots=3), qty_lots=1, fee_e9=0))
    step(risk, replace(filled(1 * S, 1, Side.BUY, 98), qty_lots=3))
    step(risk, intent(1 * S, 2, Side.SELL, 102))
    step(risk, e.CancelIntent(**market(1 * S), **terms(2, Side.SELL, 102)))
    found = figures(risk)
    assert some(found, "orders_total", "orders_filled_total", "cancels_total") == [2, 1, 1]
    assert some(found, "submitted_base_total", "filled_base_total", "trading_resumes_seconds") == [0.008, 0.004, 0]
    step(risk, book(2 * S, bid=79, ask=81))
    found = figures(risk)
    assert some(found, "loss_quote session", "trading_state active") == [0.000720003, 1]
    step(risk, book(3 * S, bid=9, ask=11))
    found = figures(risk)
    assert some(found, "loss_quote session", "trading_state halted", "trading_reason loss_session") == [
        0.003520003,
        1,
        1,
    ]


def test_the_venue_shows_what_rests_and_what_is_in_flight() -> None:
    exchange = node(EXCHANGE)
    step(exchange, snapshot(1 * S))
    step(exchange, e.SubmitOrder(**market(1 * S), **terms(1), time_in_force=TimeInForce.GTX))
    assert some(figures(exchange), "requests_waiting", "orders_resting bid", "answers_waiting") == [1, 0, 0]
    step(exchange, e.Tick(ts_ns=1 * S + 15_000_000))
    assert some(figures(exchange), "requests_waiting", "orders_resting bid", "answers_waiting") == [0, 1, 1]


def test_answers_are_counted_by_type_side_and_reason() -> None:
    risk, metrics, counts = (
        node(RISK, risk={"order_max_base": Decimal("0.003")}),
        Metrics("risk", "test"),
        OutputCounts(lambda: 0),
    )
    add_output_counts(metrics, risk, counts)
    OWN[RISK].of_outputs(metrics, counts)
    counts.take(step(risk, intent(0, 1, Side.BUY, 98)))
    counts.take(step(risk, book(1 * S)))
    counts.take(step(risk, intent(1 * S, 2, Side.BUY, 98)))
    found = read(metrics)
    assert {name: count for name, count in found.items() if count} == {
        "published_total SubmitOrder": 1,
        "published_total OrderDenied": 1,
        "decisions_total denied book_not_valid": 1,
        "decisions_total adjusted order_lots": 1,
    }


def test_every_reason_of_risk_has_its_place() -> None:
    metrics = Metrics("risk", "test")
    OWN[RISK].of_outputs(metrics, OutputCounts(lambda: 0))
    places = {name.split()[2] for name in read(metrics) if name.startswith("decisions_total")}
    places |= {name.split()[1] for name in figures(node(RISK)) if name.startswith("trading_reason")}
    assert places == {reason.name.lower() for reason in Reason}


def test_fills_and_rejections_are_counted() -> None:
    metrics, counts = Metrics("paper_exchange", "test"), OutputCounts(lambda: 0)
    OWN[EXCHANGE].of_outputs(metrics, counts)
    rejected = e.OrderRejected(**market(1 * S), **terms(2, Side.SELL), reason=1)
    counts.take([filled(1 * S, 1, Side.SELL, 98), rejected])
    found = read(metrics)
    assert found["fills_total ask maker"] == found["rejected_total would_take"] == 1
    assert sum(count for name, count in found.items() if name.startswith("fills_total")) == 1


def test_what_is_published_again_of_an_old_log_is_not_counted() -> None:
    pending, answer = [2], [filled(1 * S, 1, Side.BUY, 98)]
    counts = OutputCounts(lambda: pending[0])
    counts.take(answer)
    assert counts.count(e.OrderFilled) == 0
    pending[0] = 0
    counts.take([])
    pending[0] = 7  # busy again, but with what is new
    counts.take(answer)
    assert counts.count(e.OrderFilled) == 1


def test_a_node_shows_its_state_when_it_has_read_its_log_to_the_end_and_from_then_on() -> None:
    """The state of a checkpoint is the past: a counter that steps back would be counted twice."""
    accountant, metrics = node(ACCOUNTANT), Metrics("accountant", "test")
    reader = SimpleNamespace(pending=0, next_seq=1, resets=1)
    loop: Any = SimpleNamespace(events=0, outputs=0, checkpoints=0, checkpoint_bytes=0, reader=reader)
    add_node(metrics, loop, accountant, INSTRUMENT, OWN[ACCOUNTANT])
    assert "fills_total" not in read(metrics)  # it has received nothing yet
    loop.events, reader.pending = 1, 5
    loop.on_outputs(step(accountant, filled(1 * S, 1, Side.BUY, 98)))
    found = read(metrics)
    assert (found["published_total PositionChanged"], found["log_pending"], "fills_total" in found) == (0, 5, False)
    reader.pending = 0
    loop.on_outputs(step(accountant, filled(2 * S, 2, Side.BUY, 98)))
    found = read(metrics)
    assert (found["published_total PositionChanged"], found["fills_total"]) == (1, 2)
    reader.pending = 9
    assert read(metrics)["fills_total"] == 2
