"""What the spread earned: each definition of docs/figures.md on a handful of fills."""

from typing import Any

import numpy as np
import pytest

from mm_core.events import InstrumentDefined
from mm_core.events.records import MESSAGE
from mm_core.exchange.clock import MID
from mm_core.messages import FILLED, INTENT
from mm_core.types import NS_PER_S, BookState, TimeInForce
from mm_research.engine.state import SAMPLE
from mm_research.kpi_spread import kpi_spread
from mm_research.measures import FillMeasures, fill_figures
from mm_research.recording import Recording
from mm_research.venue_mids import NO_MIDS, Mids

ETH = InstrumentDefined(
    instrument_id="binance.ETHUSDT", ts_ns=0, venue_symbol="ETHUSDT", tick_size="0.1", lot_size="0.001"
)
T0 = 1_700_000_040 * NS_PER_S  # a whole minute
BUY, SELL = 0, 1


def mids(*changes: tuple[float, int], end_s: float = 10.0) -> Mids:
    """Mids in half-ticks by seconds, known until `end_s`."""
    made = np.zeros(len(changes), MID)
    for i, (second, mid_half) in enumerate(changes):
        made[i] = (T0 + round(second * NS_PER_S), mid_half)
    return Mids(made, T0 + round(end_s * NS_PER_S))


def recording(known: Mids, *fills: dict[str, Any]) -> Recording:
    """Fills with the intent of their order, and the one sample that closes their account."""
    messages, account = np.zeros(2 * len(fills), MESSAGE), np.zeros(1, SAMPLE)
    for i, fill in enumerate(fills):
        intent, filled = messages[2 * i], messages[2 * i + 1]
        for message, kind in ((intent, INTENT), (filled, FILLED)):
            message["kind"], message["order_id"], message["side"] = kind, i + 1, fill.get("side", BUY)
            message["price_ticks"], message["qty_lots"] = fill["price"], fill.get("lots", 10)
            message["ts_ns"] = T0
        intent["price_ticks"] = fill.get("order_price", fill["price"])
        intent["mid_half_ticks"], intent["time_in_force"] = (
            fill.get("book_half", 202),
            fill.get("flag", TimeInForce.GTX),
        )
        filled["ts_ns"] = T0 + round(fill.get("second", 1.0) * NS_PER_S)
        filled["mid_half_ticks"] = fill.get("mid_half", 202)
        sign = 1 if fill.get("side", BUY) == BUY else -1
        account["position_lots"] += sign * filled["qty_lots"]
        account["cash_half"] -= sign * filled["qty_lots"] * 2 * fill["price"]
        account["spread_half"] += sign * filled["qty_lots"] * (filled["mid_half_ticks"] - 2 * fill["price"])
    account["local_ns"], account["state"] = T0 + 2 * NS_PER_S, BookState.VALID
    account["bid_ticks"], account["ask_ticks"], account["bid_lots"], account["ask_lots"] = 100, 102, 5, 5
    total_half = account["cash_half"] + account["position_lots"] * 202
    account["inventory_half"] = total_half - account["spread_half"]
    if account["position_lots"][0] == 0:
        account["realised_half"] = account["cash_half"]
    return Recording(ETH, messages, account, lambda: known)


def test_captured_is_weighted_by_quantity() -> None:
    """30 lots lose all of their 2 half-ticks, 10 lots keep theirs: unweighted that would be 0 %, not -50 %."""
    lost = {"price": 100, "lots": 30, "mid_half": 198}
    usual = {"price": 100, "lots": 10, "mid_half": 202}
    measures = fill_figures(recording(mids((0, 202)), lost, usual))
    assert measures.captured_pct()["0s"] == -50.0
    assert measures.half_spread_bps()["effective"] == pytest.approx(1e4 * (30 * -2 / 198 + 10 * 2 / 202) / 40)


def test_captured_is_of_what_was_quoted_when_the_order_was_decided() -> None:
    """At 4 half-ticks from its Book's mid and filled 1 from the venue's: a quarter, whatever the mid did between."""
    measures = fill_figures(recording(mids((0, 202), (1.5, 205)), {"price": 100, "book_half": 204, "mid_half": 201}))
    assert measures.captured_pct()["0s"] == 25.0
    assert measures.captured_pct()["1s"] == 125.0


def test_an_order_that_takes_at_a_better_price_has_quoted_its_own() -> None:
    measures = fill_figures(recording(mids((0, 202)), {"price": 99, "order_price": 100}))
    assert measures.captured_pct()["0s"] == 200.0


def test_every_figure_has_the_sign_of_a_gain_on_both_sides() -> None:
    known = mids((0, 202), (1.05, 204), (1.95, 200))
    buy, sell = {"price": 100}, {"price": 102, "side": SELL}
    for fill, later in ((buy, {"0.1s": 4, "1s": 0}), (sell, {"0.1s": 0, "1s": 4})):
        measures = FillMeasures().take(recording(known, fill))
        assert (measures.quoted.tolist(), measures.effective.tolist()) == ([2], [2])
        assert {name: measures.realised[name].tolist() for name in later} == {name: [x] for name, x in later.items()}
        adverse = fill_figures(recording(known, fill)).half_spread_bps()["adverse_selection"]
        assert isinstance(adverse, dict)
        assert {name: adverse[name] for name in later} == {
            name: pytest.approx((2 - x) / 202 * 1e4) for name, x in later.items()
        }


def test_a_horizon_beyond_the_market_data_is_left_out_and_counted() -> None:
    known = mids((0, 202), (1.5, 206), end_s=3.0)
    early, late = {"price": 100, "lots": 10}, {"price": 100, "lots": 90, "second": 2.5}
    measures = fill_figures(recording(known, early, late))
    assert measures.censored() == {"0.1s": 0, "1s": 1, "5s": 2, "60s": 2}
    assert measures.captured_pct() == {"0s": 100.0, "0.1s": 280.0, "1s": 300.0, "5s": None, "60s": None}
    minute = kpi_spread(recording(known, early, late)).to_pylist()[0]
    assert [minute[f"censored_{name}"] for name in ("0.1s", "1s", "5s", "60s")] == [0, 1, 2, 2]
    assert minute["realised_half_spread_1s_bps"] == pytest.approx(6 / 202 * 1e4)
    assert minute["adverse_selection_1s_bps"] == pytest.approx(-4 / 202 * 1e4)
    assert minute["realised_half_spread_5s_bps"] is None


def test_a_horizon_that_ends_with_the_market_data_counts() -> None:
    assert fill_figures(recording(mids((0, 202), end_s=2.0), {"price": 100})).censored()["1s"] == 0


def test_a_print_that_comes_late_takes_the_mid_of_its_own_time() -> None:
    """Printed at 1 s, when the mid was 202; the book had moved to 190 when the print was received."""
    known = mids((0, 202), (1.02, 190), (1.5, 198))
    run = recording(known, {"price": 100, "second": 1.0, "mid_half": int(known.before(at(1.0))[0])})
    assert fill_figures(run).captured_pct()["0s"] == 100.0
    assert FillMeasures().take(run).realised["0.1s"].tolist() == [-10]


def test_an_order_that_may_only_take_quotes_nothing() -> None:
    quote, flatten = {"price": 100}, {"price": 101, "side": SELL, "flag": TimeInForce.IOC, "mid_half": 204}
    run = recording(mids((0, 202)), quote, flatten)
    assert fill_figures(run).captured_pct()["0s"] == 100.0
    assert FillMeasures().take(run).effective.tolist() == [2, -2]


def test_nothing_known_is_null() -> None:
    nothing = dict.fromkeys(("0s", "0.1s", "1s", "5s", "60s"))
    assert fill_figures(recording(NO_MIDS)).captured_pct() == nothing
    no_book = {"price": 100, "book_half": 0, "mid_half": 0}
    unknown = fill_figures(recording(NO_MIDS, no_book))
    assert unknown.captured_pct() == nothing
    assert unknown.half_spread_bps()["effective"] is None
    at_mid = fill_figures(recording(mids((0, 200)), {"price": 100, "book_half": 200}))
    assert at_mid.captured_pct()["0s"] is None


def test_a_fill_counts_in_the_minute_of_its_own_time() -> None:
    rows = kpi_spread(recording(mids((0, 202)), {"price": 100, "second": -1.0}, {"price": 100})).to_pylist()
    assert [(row["ts_ns"], row["fills"], row["valid_share"]) for row in rows] == [
        (T0 - 60 * NS_PER_S, 1, None),
        (T0, 1, 1.0),
    ]


def at(second: float) -> np.ndarray[Any, Any]:
    """One time."""
    return np.array([T0 + round(second * NS_PER_S)])


@pytest.mark.parametrize(
    ("second", "before", "as_of"),
    [(-1, None, None), (0, None, 202), (0.5, 202, 202), (1, 202, 204), (10, 204, 204), (10.001, None, None)],
)
def test_a_mid_holds_from_its_time_until_the_next(second: float, before: int | None, as_of: int | None) -> None:
    known = mids((0, 202), (1, 204))
    for found, expected in ((known.before(at(second))[0], before), (known.as_of(at(second))[0], as_of)):
        assert np.isnan(found) if expected is None else found == expected
