"""The market of the live faults is one: its diffs lead from a snapshot to its book, and its book is no fault."""

import pytest
from tests.livefaults.market import TICK, Market, Payload

STEPS = 400


def steps(market: Market, count: int = STEPS) -> list[Payload]:
    """Takers and makers in turn; a diff after each pair."""
    diffs = []
    for _ in range(count):
        market.take()
        market.make()
        diffs.append(market.diff())
    return diffs


def applied(snapshot: Payload, diffs: list[Payload]) -> Payload:
    """The snapshot that a client of these diffs holds."""
    sides = {name: dict(map(tuple, snapshot[name])) for name in ("bids", "asks")}
    for diff in diffs:
        for name, levels in (("bids", diff["b"]), ("asks", diff["a"])):
            sides[name] |= dict(levels)
    full = {name: [[p, q] for p, q in side.items() if float(q)] for name, side in sides.items()}
    bids, asks = (sorted(full[name], key=lambda level: float(level[0])) for name in ("bids", "asks"))
    return {"lastUpdateId": diffs[-1]["u"], "bids": bids[::-1], "asks": asks}


@pytest.mark.parametrize("is_calm", [False, True])
def test_its_diffs_lead_from_a_snapshot_to_its_book(is_calm: bool) -> None:
    market = Market("TESTUSDT")
    market.is_calm = is_calm
    before = market.snapshot()
    diffs = steps(market)
    assert applied(before, diffs) == market.snapshot()
    assert [diff["U"] for diff in diffs[1:]] == [diff["u"] + 1 for diff in diffs[:-1]]


def test_it_moves_and_trades_on_both_sides_and_is_never_crossed() -> None:
    market = Market("TESTUSDT")
    prints, touches = [], []
    for _ in range(STEPS):
        prints += market.take()
        market.make()
        touches.append(market.touch())
    assert {trade["m"] for trade in prints} == {True, False}
    assert len({touch.bid for touch in touches}) > 3
    assert all(touch.ask - touch.bid == 2 * TICK for touch in touches)
    assert all(float(trade["q"]) > 0 for trade in prints)
    assert [trade["t"] for trade in prints] == list(range(prints[0]["t"], prints[0]["t"] + len(prints)))


def test_a_calm_one_trades_at_the_touch_and_stays_where_it_is() -> None:
    market = Market("TESTUSDT")
    market.is_calm = True
    touch = market.touch()
    for _ in range(STEPS):
        assert {float(trade["p"]) for trade in market.take()} <= {touch.bid / 1_000, touch.ask / 1_000}
        market.make()
    assert (market.touch().bid, market.touch().ask) == (touch.bid, touch.ask)


def test_ids_begin_again_and_prices_leave_the_grid() -> None:
    market = Market("TESTUSDT")
    market.restart_ids()
    market.leave_grid()
    first, *_ = steps(market, 2)
    assert first["U"] == 1
    assert all(price.endswith("500000") for price, _ in market.snapshot()["bids"])
