"""A run in segments leaves what the same run in one piece leaves, to the byte."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mm_core import events as e
from mm_core.events import InstrumentDefined
from mm_core.events.records import MESSAGE
from mm_core.messages import ACCEPTED, CANCELED, FILLED, INTENT, SUBMIT
from mm_core.setup.config import Config, to_config
from mm_core.types import NS_PER_S, BookState
from mm_research import resting, session_tracker, table_writer, venue_mids
from mm_research.activity import ActivityCount, activity
from mm_research.engine.state import SAMPLE
from mm_research.paper import paper
from mm_research.recording import START, Array, Recording
from mm_research.report import Report
from mm_research.session import Session, write_session
from mm_research.session_writer import SessionWriter
from mm_research.table_writer import TABLES, TableWriter
from mm_store.log_read import read_log
from mm_store.ws_lines import WsLines
from mm_venues.binance.define import define

ROOT = Path(__file__).parents[2]
T0 = 1_700_000_000 * NS_PER_S
ETH = InstrumentDefined(
    instrument_id="binance.ETHUSDT", ts_ns=0, venue_symbol="ETHUSDT", tick_size="0.1", lot_size="0.001"
)
CONFIG: dict[str, Any] = {"fixed_spread": {"half_spread_ticks": 2.0}, "quoter": {"levels": 2}}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample, in one piece."""
    folder = tmp_path_factory.mktemp("whole")
    lines = WsLines([ROOT / "samples" / "synth.gz"])
    instrument = define("SYNTH", lines, tick="0.01", lot="0.0001").instrument
    result = paper(lines, instrument, to_config(CONFIG), folder)
    assert len(result.recording.fills) > 10
    return folder


@pytest.mark.parametrize("rows", [60, 700])
def test_a_session_in_segments_has_the_same_files(
    whole: Path, tmp_path: Path, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of what lies behind a segment only the least is remembered: a second of spans, mids for the longest horizon."""
    monkeypatch.setattr(session_tracker, "SEGMENT_ROWS", rows)
    monkeypatch.setattr(table_writer, "GROUP_ROWS", 100)
    monkeypatch.setattr(resting, "BEHIND_NS", NS_PER_S)
    monkeypatch.setattr(venue_mids, "_RETAINED_NS", 61 * NS_PER_S)
    monkeypatch.setattr(venue_mids, "_RETAINED_CHANGES", 2)
    events: Sequence[e.AnyEvent] = list(read_log(whole))
    instrument = next(event for event in events if isinstance(event, InstrumentDefined))
    config: Config = to_config(CONFIG)
    writer = SessionWriter(tmp_path, instrument, config)
    one = session_tracker.SessionTracker(instrument, config)
    for event in events:
        writer.take(event)
        one.take(event)
    writer.finish()
    about = Session(command="paper", config=config, instrument=instrument)
    writer.write(about, writer.report.summary() | {"digests": writer.report.digests.texts()})
    piece = Report(instrument, config)
    piece.take(one.recording())
    write_session(tmp_path / "one", about, one.recording(), piece.summary() | {"digests": piece.digests.texts()})
    for name in [*(f"{table}.csv" for table in TABLES), "summary.json", "manifest.json"]:
        assert (tmp_path / name).read_bytes() == (tmp_path / "one" / name).read_bytes(), name
    for name in TABLES:
        assert pq.read_table(tmp_path / f"{name}.parquet").equals(pq.read_table(tmp_path / "one" / f"{name}.parquet"))
    assert not list(tmp_path.glob("*.part*"))
    assert (tmp_path / "fills.csv").read_bytes() == (whole / "fills.csv").read_bytes()


def samples_at(seconds: Sequence[float], **fields: int) -> Array:
    """Decisions on a VALID book."""
    samples = np.zeros(len(seconds), SAMPLE)
    samples["local_ns"] = [T0 + int(second * NS_PER_S) for second in seconds]
    samples["state"], samples["bid_ticks"], samples["ask_ticks"] = BookState.VALID, 100, 102
    samples["bid_lots"] = samples["ask_lots"] = 1
    for name, value in fields.items():
        samples[name] = value
    return samples


orders = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 900), st.integers(0, 300), st.sampled_from([CANCELED, FILLED, None])),
    max_size=12,
)


@settings(max_examples=200)
@given(orders=orders, cuts=st.lists(st.integers(0, 1_000), max_size=4))
def test_quoted_shares_do_not_depend_on_the_cuts(
    orders: list[tuple[int, int, int, int | None]], cuts: list[int]
) -> None:
    changes = []
    for number, (side, begin, length, end) in enumerate(orders):
        changes.append((begin, number, int(ACCEPTED), side))
        if end is not None:
            changes.append((begin + length, number, int(end), side))
    changes.sort()
    messages = np.zeros(len(changes), MESSAGE)
    for i, (second, number, kind, side) in enumerate(changes):
        messages["ts_ns"][i], messages["order_id"][i] = T0 + second * NS_PER_S, number
        messages["kind"][i], messages["side"][i] = kind, side
    samples = samples_at(range(100, 1_000, 7))
    messages["mid_half_ticks"] = 202
    places = sorted({0, 1_300, *cuts})
    count, before = ActivityCount(), START
    for start, end in zip(places, [*places[1:], None], strict=True):
        if end is None:
            break
        parts = [
            rows[(rows[name] >= T0 + start * NS_PER_S) & (rows[name] < T0 + end * NS_PER_S)]
            for rows, name in ((messages, "ts_ns"), (samples, "local_ns"))
        ]
        count.take(Recording(ETH, parts[0], parts[1], before=before, is_last=False))
    assert count.found() == activity(Recording(ETH, messages, samples, is_last=False))


def test_an_amount_that_needs_more_digits_later_widens_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_writer, "GROUP_ROWS", 2)
    report, writer = Report(ETH, Config()), TableWriter(tmp_path)
    before = START
    for second, lots in enumerate((1, 2, 10**12, 3)):
        messages = np.zeros(2, MESSAGE)
        messages["kind"], messages["order_id"], messages["qty_lots"] = (INTENT, SUBMIT), second, lots
        messages["ts_ns"], messages["price_ticks"] = T0 + second * NS_PER_S, 10**11 if lots > 3 else 100
        many = 10**18 if lots > 3 else 1
        samples = samples_at([second, second + 0.5], cash_half=many, spread_half=many, realised_half=many)
        segment = Recording(ETH, messages, samples, before=before, is_last=False)
        writer.take(segment, report.take(segment))
        before = segment.after
    last = Recording(ETH, messages[:0], samples_at([9]), before=before, is_last=False)
    last.is_last = True
    writer.take(last, report.take(last))
    writer.close()
    pnl = pq.read_table(tmp_path / "pnl.parquet")
    assert pnl.schema.field("cash").type.precision == 38
    assert [int(row * 20_000) for row in pnl.column("cash").to_pylist()][:5] == [1, 1, 1, 1, 10**18]
    assert pnl.num_rows == 9
    assert not list(tmp_path.glob("*.narrow"))
    assert (tmp_path / "pnl.csv").read_text().count("\n") == 10


def test_half_tables_of_a_session_that_fails_go(tmp_path: Path) -> None:
    writer = SessionWriter(tmp_path, ETH, Config())
    assert list(tmp_path.glob("*.part"))
    writer.discard()
    assert not list(tmp_path.iterdir())
