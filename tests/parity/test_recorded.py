"""Long markets: a real recording and the synthetic data of the benchmark, through the nodes and through the loop."""

import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise, takewhile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from tests.parity.harness import assert_equal, by_loop, by_nodes

from mm_core.events import BookDelta, BookSnapshot, BookTop, FeedStatus, InstrumentDefined, RootEvent, Trade
from mm_core.messages import FILLED
from mm_core.setup.config import to_config
from mm_core.setup.core import new_core
from mm_core.types import NS_PER_S, BookState, Side
from mm_store.ws_lines import WsLines
from mm_venues.audit import CompiledBook, TouchAudit
from mm_venues.binance.feed import Feed

SECONDS = int(os.environ.get("PARITY_SECONDS", "100"))
ROWS = int(os.environ.get("PARITY_ROWS", "200000"))
BTCUSDT = InstrumentDefined(
    instrument_id="binance.BTCUSDT", ts_ns=0, venue_symbol="BTCUSDT", tick_size="0.01", lot_size="0.00001"
)
SYNTH = InstrumentDefined(instrument_id="synth.BENCH", ts_ns=0, venue_symbol="BENCH", tick_size="0.1", lot_size="0.001")


@pytest.fixture(scope="session")
def recording(shared_data: Path) -> list[RootEvent]:
    """The first seconds of the real recording, BookTop included."""
    lines = WsLines([shared_data / "binance_spot" / f"btcusdt_2024080{day}.gz" for day in (8, 9)])
    feed = Feed(BTCUSDT, TouchAudit(CompiledBook()))
    frames = iter(lines)
    first_ns, frame = next(frames)
    events = feed.feed(first_ns, frame)
    for recv_ns, each in takewhile(lambda line: line[0] < first_ns + SECONDS * NS_PER_S, frames):
        events += feed.feed(recv_ns, each)
    return events


@pytest.mark.parametrize(
    "sections",
    [
        {"exchange": {"queue": "power_prob:3"}, "fixed_spread": {"half_spread_ticks": 100.0}},
        {
            "quoter": {"strategy": "avellaneda_stoikov", "levels": 3},
            "avellaneda_stoikov": {"gamma_per_tick": 1e-6, "k_per_tick": 0.02},
            "signals": {"volatility_half_life_s": 5.0},
            "book": {"decide_on": "touch"},
        },
    ],
    ids=["fixed spread on ticks", "Avellaneda-Stoikov on the touch"],
)
def test_a_real_recording_is_decided_the_same(recording: list[RootEvent], sections: dict[str, object]) -> None:
    core = new_core(to_config(sections), BTCUSDT)
    nodes, log = by_nodes(core, BTCUSDT.instrument_id, recording)
    assert_equal(nodes, by_loop(core, BTCUSDT, recording))
    assert any(isinstance(event, BookTop) for event in log)
    assert np.count_nonzero(nodes.messages["kind"] == FILLED) >= SECONDS // 20


def test_the_benchmark_data_is_decided_the_same(bench_file: Path) -> None:
    events = list(bench_events(bench_file))
    sections = {
        "book": {"stale_ms": 0},
        "quoter": {
            "order_qty_base": "0.01",
            "position_max_base": "0.1",
            "inventory_skew_ticks": 0.5,
            "join_only": True,
        },
        "fixed_spread": {"half_spread_ticks": 0.5},
    }
    core = new_core(to_config(sections), SYNTH)
    nodes, _ = by_nodes(core, SYNTH.instrument_id, events)
    assert_equal(nodes, by_loop(core, SYNTH, events))
    assert np.count_nonzero(nodes.messages["kind"] == FILLED) >= ROWS // 1000


@pytest.fixture(scope="session")
def bench_file(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Synthetic market data of the benchmark, written by its own program."""
    program = pytestconfig.rootpath.parent / "shared" / "bench" / "gen_dataset.py"
    if not program.is_file():
        pytest.skip("no benchmark data: ../shared/bench is absent")
    folder = tmp_path_factory.mktemp("bench")
    arguments = ["--n", str(ROWS), "--name", "parity", "--no-npz", "--out", str(folder)]
    subprocess.run([sys.executable, str(program), *arguments], check=True, capture_output=True)
    return folder / "parity.parquet"


def bench_events(path: Path) -> Iterator[RootEvent]:
    """Its rows as events: level changes of one time are one delta, the snapshot at its head one snapshot."""
    table = pq.read_table(path)
    exch_ns, local_ns, kind = (table[name].to_numpy() for name in ("exch_ts_ns", "local_ts_ns", "kind"))
    ticks, lots = (np.rint(table[name].to_numpy() * per).astype(int) for name, per in (("price", 10), ("qty", 1000)))
    is_ask = table["side"].to_numpy() < 0
    is_trade = kind == 1
    starts = np.flatnonzero((np.diff(exch_ns) != 0) | (np.diff(local_ns) != 0) | (np.diff(kind) != 0) | is_trade[1:])
    bounds = [0, *(starts + 1).tolist(), len(kind)]
    for event_id, (start, end) in enumerate(pairwise(bounds), start=1):
        times: dict[str, Any] = {"ts_ns": int(exch_ns[start]), "recv_ns": int(local_ns[start])}
        times["instrument_id"] = SYNTH.instrument_id
        if is_trade[start]:
            side, price_ticks, qty_lots = Side(int(is_ask[start])), int(ticks[start]), int(lots[start])
            yield Trade(**times, trade_id=event_id, side=side, price_ticks=price_ticks, qty_lots=qty_lots)
            continue
        bids, asks = (start + np.flatnonzero(is_ask[start:end] == side) for side in (False, True))
        levels: dict[str, Any] = {
            "bid_ticks": tuple(ticks[bids].tolist()),
            "bid_lots": tuple(lots[bids].tolist()),
            "ask_ticks": tuple(ticks[asks].tolist()),
            "ask_lots": tuple(lots[asks].tolist()),
        }
        if kind[start] == 2:
            yield BookSnapshot(**times, update_id=event_id, **levels)
            yield FeedStatus(**times, state=BookState.VALID, epoch=1)
        else:
            yield BookDelta(**times, first_update_id=event_id, update_id=event_id, **levels)
