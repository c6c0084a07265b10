"""More fills at once than the venue's answers have room for: joined, alike by the nodes and by the loop."""

from typing import Any

import numpy as np
import pytest
from tests.parity.harness import Outcome, assert_equal, by_loop, by_nodes
from tests.parity.markets import INSTRUMENT, MS, START_NS

from mm_core.events import BookDelta, BookSnapshot, Event, FeedStatus, InstrumentDefined, RootEvent, Trade
from mm_core.messages import ANSWERS, FILLED
from mm_core.setup.config import to_config
from mm_core.setup.core import Core, new_core
from mm_core.types import BookState, Side
from mm_store.ws_lines import WsLines
from mm_venues.audit import CompiledBook, TouchAudit
from mm_venues.binance.feed import Feed

RING = ANSWERS["ring"].shape[0]
IT: dict[str, Any] = {"instrument_id": INSTRUMENT.instrument_id}


def parts_of(order_lots: int, response_ms: int, levels: int) -> Core:
    """Bids of `order_lots` at the touch and behind it, as much position as they make."""
    quoter = {"order_qty_base": f"{order_lots / 1000}", "levels": levels, "position_max_base": "1000"}
    sections = {
        "quoter": quoter,
        "fixed_spread": {"half_spread_ticks": 0.5},
        "exchange": {"response_ms": response_ms, "maker_fee": "0.0002"},
    }
    return new_core(to_config(sections, strict=False), INSTRUMENT)


def at(passed_ns: int) -> dict[str, Any]:
    """Times of a root, received 5 ms later."""
    return {"ts_ns": START_NS + passed_ns, "recv_ns": START_NS + passed_ns + 5 * MS}


def sweep(prints: int, lots: int) -> list[RootEvent]:
    """A quiet book, then prints of `lots` each within a millisecond through all of our bids, then quiet again."""
    base: dict[str, Any] = {
        "bid_ticks": (1_000, 999),
        "bid_lots": (2, 5),
        "ask_ticks": (1_001, 1_002),
        "ask_lots": (2, 5),
    }
    events: list[RootEvent] = [
        BookSnapshot(**IT, ts_ns=START_NS, recv_ns=START_NS, update_id=1, **base),
        FeedStatus(**IT, ts_ns=START_NS, recv_ns=START_NS, state=BookState.VALID, epoch=1),
    ]
    quiet: dict[str, Any] = {"bid_ticks": (), "bid_lots": (), "ask_ticks": (1_002,)}
    for i in range(1, 10):
        times = at(100 * i * MS)
        events.append(BookDelta(**IT, **times, first_update_id=i + 1, update_id=i + 1, **quiet, ask_lots=(5 + i,)))
    for i in range(prints):
        times = at(950 * MS + i * MS // prints)
        events.append(Trade(**IT, **times, trade_id=i + 1, side=Side.SELL, price_ticks=995, qty_lots=lots))
    for i in range(11, 30):
        times = at(100 * i * MS)
        events.append(BookDelta(**IT, **times, first_update_id=i + 1, update_id=i + 1, **quiet, ask_lots=(5 + i,)))
    return events


def both(core: Core, events: list[RootEvent]) -> tuple[Outcome, list[Event]]:
    """The outcome of the nodes, which the loop's equals, and their log."""
    nodes, log = by_nodes(core, INSTRUMENT.instrument_id, events)
    assert_equal(nodes, by_loop(core, INSTRUMENT, events))
    return nodes, log


@pytest.mark.parametrize("response_ms", [0, 10, 2_000])
@pytest.mark.parametrize("levels", [1, 5])
def test_a_sweep_of_more_prints_than_the_ring_holds_fills_every_lot(levels: int, response_ms: int) -> None:
    prints = 3 * RING
    nodes, _ = both(parts_of(prints, response_ms, levels), sweep(prints, 1))
    fills = nodes.messages[nodes.messages["kind"] == FILLED]
    assert fills["qty_lots"].sum() == prints
    assert fills["leaves_lots"][-1] == 0
    assert len(fills) == prints if response_ms == 0 else RING // 2 < len(fills) <= 3 * RING // 4
    value = round(prints * 1_000 * 0.01 * 0.001 * 0.0002 * 1e9)  # of every lot at the bid, in 1e-9
    assert fills["fee_e9"].sum() == value


def test_a_fill_that_joins_another_is_not_known_before_the_latency_has_passed() -> None:
    prints = 3 * RING
    nodes, _ = both(parts_of(prints, 10, 1), sweep(prints, 1))
    fills = nodes.messages[nodes.messages["kind"] == FILLED]
    assert fills["qty_lots"].max() == prints - 3 * RING // 4 + 1
    assert np.all(fills["local_ns"] - fills["ts_ns"] == 10 * MS)
    assert np.all(np.diff(fills["local_ns"]) >= 0)


def test_the_recorded_sweep_is_decided_the_same(pytestconfig: pytest.Config) -> None:
    path = pytestconfig.rootpath.parent / "shared" / "cases" / "sweep.txt.gz"
    if not path.is_file():
        pytest.skip("no recorded cases: ../shared/cases is absent")
    instrument = InstrumentDefined(
        instrument_id="binance.BTCUSDT", ts_ns=0, venue_symbol="BTCUSDT", tick_size="0.1", lot_size="0.001"
    )
    feed = Feed(instrument, TouchAudit(CompiledBook()))
    events = [event for recv_ns, frame in WsLines([path]) for event in feed.feed(recv_ns, frame)]
    sections = {
        "quoter": {"order_qty_base": "0.5", "levels": 3, "position_max_base": "10"},
        "fixed_spread": {"half_spread_ticks": 0.5},
    }
    core = new_core(to_config(sections), instrument)
    nodes, _ = by_nodes(core, instrument.instrument_id, events)
    assert_equal(nodes, by_loop(core, instrument, events))
    fills = nodes.messages[nodes.messages["kind"] == FILLED]
    assert (len(fills), int(fills["qty_lots"].sum())) == (150, 150)
