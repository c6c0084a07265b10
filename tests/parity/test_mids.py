"""The venue's mids are one series: by the paper exchange, from a session's log, and from the rows of a backtest."""

import os
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.parity.harness import by_nodes
from tests.parity.markets import INSTRUMENT, Market, configs, moves

from mm_core.compiled import new
from mm_core.events import InstrumentDefined, MarketEvent, Root
from mm_core.exchange.clock import CLOCK, MIDS
from mm_core.setup.config import Config, to_config
from mm_core.setup.core import new_core
from mm_research import venue_mids
from mm_research.backtest import backtest
from mm_research.columns import Rows, tape_rows
from mm_research.engine.state import CLEAR, DEPTH, LAST_BIT, ROW, SIDE_SHIFT
from mm_research.paper import paper
from mm_research.venue_mids import EventMids, Mids, VenueMids
from mm_store.log_read import read_log
from mm_store.tape import TapeBuilder
from mm_store.ws_lines import WsLines
from mm_venues.binance.define import define

EXAMPLES = int(os.environ.get("PARITY_EXAMPLES", "100"))


def assert_same(one: Mids, other: Mids) -> None:
    """Equal byte for byte, and their times do not go back."""
    assert one.changes.tobytes() == other.changes.tobytes()
    assert one.end_ns == other.end_ns
    assert np.all(np.diff(one.changes["ts_ns"]) >= 0)
    assert np.all(np.diff(one.changes["mid_half"]) != 0)


@settings(max_examples=EXAMPLES)
@given(configs(), moves, st.integers(1, 4))
def test_they_are_those_that_the_exchange_notes(config: Config, drawn: list[Any], rounds: int) -> None:
    core = new_core(config, INSTRUMENT)
    events = Market().events(drawn * rounds)
    nodes, log = by_nodes(core, INSTRUMENT.instrument_id, events)
    from_log = EventMids(INSTRUMENT, core)
    for at, event in enumerate(log):
        if isinstance(event, MarketEvent):
            from_log.take(event)
        if at % 3 == 0:
            from_log.mids()  # in parts
    clock = np.frombuffer(nodes.state["clock"], CLOCK)[0]
    count = int(clock["mid_count"])
    mids = from_log.mids()
    assert len(mids.changes) == count > 0
    last = min(count, MIDS)
    noted = [clock["mids"][at % MIDS].tobytes() for at in range(count - last, count)]
    assert [change.tobytes() for change in mids.changes[-last:]] == noted
    assert mids.end_ns == clock["market_ns"]
    builder = TapeBuilder(INSTRUMENT)
    builder.add(events)
    from_rows = VenueMids(core, apart=True)
    from_rows.take(tape_rows(builder.tape(), core.offset_ns))
    assert_same(mids, from_rows.mids())


def test_a_session_and_the_backtest_of_its_data_have_the_same(
    tmp_path: Path, pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(venue_mids, "_WAITING_EVENTS", 1_000)  # rows in parts
    monkeypatch.setattr(venue_mids, "_STRIDE_ROWS", 777)
    lines = WsLines([pytestconfig.rootpath / "samples" / "synth.gz"])
    instrument = define("SYNTH", lines, tick="0.01", lot="0.0001").instrument
    config: Config = to_config({"fixed_spread": {"half_spread_ticks": 2.0}, "exchange": {"queue": "power_prob:3"}})
    session = paper(lines, instrument, config, tmp_path).recording
    builder = TapeBuilder(instrument)
    roots = (event for event in read_log(tmp_path) if isinstance(event, Root))
    builder.add(root for root in roots if not isinstance(root, InstrumentDefined))
    run = backtest(builder.tape(), instrument, config).recording
    assert_same(session.mids, run.mids)
    assert len(session.mids.changes) > 300
    fills = session.fills
    assert len(fills) > 100
    assert session.mids.before(fills["ts_ns"]).tolist() == fills["mid_half_ticks"].tolist()
    assert session.messages.tobytes() == run.messages.tobytes()


def test_a_price_that_no_row_holds_ends_the_mids_and_not_the_session() -> None:
    config: Config = to_config({}, strict=False)
    core = new_core(config, INSTRUMENT)
    mids = EventMids(INSTRUMENT, core)
    for event in Market().events([]):
        mids.take(msgspec.structs.replace(event, local_ns=event.recv_ns))  # type: ignore[arg-type]
    known = mids.mids()
    far = Market().events([("delta", 10, 0, [(0, 1)], 5)])[-1]
    mids.take(msgspec.structs.replace(far, bid_ticks=(1 << 40,)))  # type: ignore[arg-type]
    assert_same(mids.mids(), known)
    mids.take(far)  # type: ignore[arg-type]
    assert_same(mids.mids(), known)


def test_neutral_rows_have_mids_too() -> None:
    """No order of a log, no tops, one side cleared down to a price: as the book of the run itself."""
    levels = [(0, 99, 5), (0, 98, 5), (1, 101, 5), (1, 102, 5)]
    rows: Rows = new(ROW, len(levels) + 2)
    for i, (side, tick, lots) in enumerate(levels):
        rows[i] = (1_000, 1_500, lots, tick, DEPTH | side << SIDE_SHIFT)
    rows["code"][len(levels) - 1] |= LAST_BIT
    rows[-2] = (2_000, 2_500, 1, 99, CLEAR | LAST_BIT)
    rows[-1] = (3_000, 3_500, 7, 98, DEPTH | LAST_BIT)  # changes no mid
    config: Config = to_config({}, strict=False)
    mids = backtest(rows, INSTRUMENT, config).recording.mids
    assert mids.changes.tolist() == [(1_000, 200), (2_000, 199)]
    assert mids.end_ns == 3_000
