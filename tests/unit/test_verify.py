"""Verification: an untouched session is equal byte for byte, and whatever is changed in its log is found and named."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from mm_cli.app import app
from mm_core import events as e
from mm_core.setup.config import to_config
from mm_core.stamper import Stamper
from mm_core.types import BookState, InputError, IntegrityError, Side
from mm_research.paper import paper
from mm_research.roots import RootCheck
from mm_research.verify import Verified, verify
from mm_store.log_file import writing_log
from mm_store.log_read import log_files, read_log
from mm_store.ws_lines import WsLines
from mm_venues.binance.define import define

NODES = ["paper_exchange", "book_builder", "quoter", "risk", "accountant", "sequencer"]
CONFIG: dict[str, Any] = {"fixed_spread": {"half_spread_ticks": 2.0}, "quoter": {"levels": 2}}
MS = 1_000_000
Log = list[e.AnyEvent]
Change = Callable[[Log, int], Log]


@pytest.fixture(scope="module")
def session(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session on the synthetic recording, with fills."""
    folder = tmp_path_factory.mktemp("session")
    lines = WsLines([pytestconfig.rootpath / "samples" / "synth.gz"])
    instrument = define("SYNTH", lines, tick="0.01", lot="0.0001").instrument
    result = paper(lines, instrument, to_config(CONFIG), folder, duration_ns=30_000 * MS)
    assert len(result.recording.fills) > 10
    return folder


@pytest.fixture
def changed(session: Path, tmp_path: Path) -> Callable[[Log], Path]:
    """What makes a copy of the session with another log."""

    def write(log: Log) -> Path:
        folder = tmp_path / "changed"
        folder.mkdir()
        for name in ("manifest.json", "summary.json"):
            shutil.copy(session / name, folder)
        with writing_log(folder) as write_event:
            for event in log:
                write_event(event)
        return folder

    return write


def run(folder: Path, *arguments: str) -> tuple[int, Any, str]:
    """Exit code, JSON and standard error of the command."""
    result = CliRunner().invoke(app, ["verify", "--session", str(folder), "--json", *arguments])
    return result.exit_code, json.loads(result.stdout.splitlines()[-1]) if result.stdout else None, result.stderr


def place(log: Log, kind: type[e.Event], nth: int = 7) -> int:
    """The position of the nth event of a type, from 0."""
    return [at for at, event in enumerate(log) if type(event) is kind][nth]


def flip(field: str, by: Any) -> Change:
    def change(log: Log, at: int) -> Log:
        event = msgspec.structs.replace(log[at], **{field: getattr(log[at], field) + by})
        return [*log[:at], event, *log[at + 1 :]]

    return change


def drop(log: Log, at: int) -> Log:
    return [*log[:at], *log[at + 1 :]]


def double(log: Log, at: int) -> Log:
    return [*log[: at + 1], *log[at:]]


def swap(log: Log, at: int) -> Log:
    return [*log[:at], log[at + 1], log[at], *log[at + 2 :]]


def differing(verified: Verified) -> dict[str, int]:
    return {name: count.differ for name, count in verified.nodes.items() if count.differ}


def test_an_untouched_session_is_equal_byte_for_byte(session: Path) -> None:
    code, printed, progress = run(session)
    assert code == 0
    assert (printed["ok"], printed["first_difference"], printed["digests_differ"]) == (True, None, [])
    assert printed["core_digest_equal"]
    assert list(printed["nodes"]) == NODES
    assert all(count["events"] and count["outputs"] and not count["differ"] for count in printed["nodes"].values())
    assert printed["events"] == len(list(read_log(session)))
    assert "verify: 100 %" in progress


@pytest.mark.parametrize(
    ("kind", "field", "by", "counts"),
    [
        # The gate answers the intent that it takes, and its logged answer is to another: that is one of its own.
        (e.OrderIntent, "price_ticks", 1, {"quoter": 1, "risk": 1}),
        (e.Book, "weighted_mid_ticks", 1e-9, {"book_builder": 1}),
        (e.Book, "ofi_lots", 1, {"book_builder": 1}),
        (e.PositionChanged, "spread_e9", -1, {"accountant": 1}),
        (e.OrderAccepted, "ts_ns", 1, {"paper_exchange": 1}),
        (e.Trade, "local_ns", 1, {"sequencer": 1}),
        (e.BookTop, "ts_ns", 10**18, {"sequencer": 1}),
        (e.BookDelta, "recv_ns", 10**15, {"sequencer": 1}),
    ],
)
def test_one_changed_field_is_one_difference_of_its_publisher(
    session: Path,
    changed: Callable[[Log], Path],
    kind: type[e.Event],
    field: str,
    by: float,
    counts: dict[str, int],
) -> None:
    log = list(read_log(session))
    at = place(log, kind)
    code, printed, _ = run(changed(flip(field, by)(log, at)))
    assert code == 1
    assert {name: count["differ"] for name, count in printed["nodes"].items() if count["differ"]} == counts
    first = printed["first_difference"]
    assert (first["seq"], first["node"]) == (at + 1, next(iter(counts)))
    assert first["expected"]["type"] == first["found"]["type"] == kind.__name__
    assert first["expected"] != first["found"]


@pytest.mark.parametrize("change", [drop, double, swap])
@pytest.mark.parametrize(
    "kind",
    [
        *(e.OrderIntent, e.SubmitOrder, e.OrderAccepted, e.CancelOrder, e.OrderCanceled, e.OrderFilled, e.Book),
        *(e.PositionChanged, e.Tick, e.BookDelta, e.BookTop, e.Trade, e.FeedStatus),
    ],
)
def test_an_event_that_is_missing_doubled_or_misplaced_is_found_where_it_stands(
    session: Path, changed: Callable[[Log], Path], kind: type[e.Event], change: Change
) -> None:
    log = list(read_log(session))
    at = place(log, kind, 0 if kind is e.FeedStatus else 7)
    verified = verify(changed(change(log, at)))
    assert not verified.ok
    assert verified.first_difference is not None
    assert 0 <= verified.first_difference.seq - (at + 1) <= 1


def test_a_changed_fill_is_named_with_both_fees_and_spoils_the_digest(
    session: Path, changed: Callable[[Log], Path]
) -> None:
    log = list(read_log(session))
    at = place(log, e.OrderFilled, -1)
    verified = verify(changed(flip("fee_e9", 1)(log, at)))
    first = verified.first_difference
    assert first is not None
    assert first.expected is not None
    assert first.found is not None
    assert (first.node, first.why) == ("paper_exchange", "another output")
    assert first.found["fee_e9"] == first.expected["fee_e9"] + 1
    assert verified.digests_differ == ["fills", "positions"]


def test_an_output_before_its_cause_is_found_though_every_node_publishes_the_same(
    session: Path, changed: Callable[[Log], Path]
) -> None:
    log = list(read_log(session))
    at = next(
        n for n, event in enumerate(log) if isinstance(event, e.OrderIntent) and type(log[n + 1]) is e.SubmitOrder
    )
    assert differing(verify(changed(swap(log, at))))["sequencer"] == 1


def test_what_no_node_can_take_stops_that_node_and_the_others_continue(
    session: Path, changed: Callable[[Log], Path]
) -> None:
    log = list(read_log(session))
    at = place(log, e.SubmitOrder)
    verified = verify(changed(flip("qty_lots", 2**63)(log, at)))
    assert differing(verified) == {"risk": 1, "paper_exchange": 1}
    assert verified.nodes["book_builder"].events > 100


def test_answers_in_front_of_the_first_root_are_nobodys(session: Path, changed: Callable[[Log], Path]) -> None:
    log = list(read_log(session))
    answer = log[place(log, e.PositionChanged)]
    first = verify(changed([answer, *log])).first_difference
    assert first is not None
    assert (first.seq, first.node, first.expected) == (1, "accountant", None)


def test_a_summary_that_is_not_of_its_log_fails(session: Path, changed: Callable[[Log], Path]) -> None:
    folder = changed(list(read_log(session)))
    summary = json.loads((folder / "summary.json").read_text())
    summary["digests"]["orders"] = "0" * 64
    (folder / "summary.json").write_text(json.dumps(summary))
    code, printed, _ = run(folder)
    assert (code, printed["ok"], printed["first_difference"], printed["digests_differ"]) == (1, False, None, ["orders"])


def test_another_core_is_reported_and_compared_all_the_same(session: Path, changed: Callable[[Log], Path]) -> None:
    folder = changed(list(read_log(session)))
    manifest = json.loads((folder / "manifest.json").read_text()) | {"core_digest": "0" * 64, "platform": "numba 0"}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    code, printed, notes = run(folder)
    assert (code, printed["ok"], printed["core_digest_equal"]) == (0, True, False)
    assert "note: the session was made by another core" in notes
    assert "note: the session ran on numba 0; this is numba " in notes


def test_people_read_a_table_and_the_first_difference(session: Path, changed: Callable[[Log], Path]) -> None:
    log = list(read_log(session))
    at = place(log, e.PositionChanged, 0)
    folder = changed(drop(log, at))
    result = CliRunner().invoke(app, ["verify", "--session", str(folder)])
    assert result.exit_code == 1
    assert "result          DIFFERENT" in result.stdout
    assert f"first at event {at + 1:,} of the log, accountant: an output is missing" in result.stdout


def test_a_wish_to_stop_ends_the_verification_without_a_verdict(session: Path) -> None:
    verified = verify(session, lambda _events, _local_ns: False)
    assert (verified.ok, verified.complete, verified.digests_differ) == (False, False, None)
    assert 0 < verified.events < len(list(read_log(session)))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda folder: (folder / "manifest.json").unlink(),
            "manifest.json: No such file or directory; expected a ses",
        ),
        (lambda folder: (folder / "summary.json").write_text("{"), "summary.json: .*; expected the file of a session"),
        (lambda folder: log_files(folder)[0].unlink(), "a session of `paper` without log; expected"),
        (lambda folder: log_files(folder)[0].write_bytes(b"?" * 100), "damaged from 1 on: .*what other copies hold"),
    ],
)
def test_a_missing_or_damaged_session_is_one_clear_line(
    session: Path, changed: Callable[[Log], Path], spoil: Callable[[Path], object], message: str
) -> None:
    folder = changed(list(read_log(session)))
    spoil(folder)
    with pytest.raises((InputError, IntegrityError), match=message):
        verify(folder)


INSTRUMENT = e.InstrumentDefined(instrument_id="v.X", ts_ns=0, venue_symbol="X", tick_size="1", lot_size="1")
times = st.integers(min_value=1, max_value=2_000 * MS)


def market_root(kind: int, ts_ns: int, recv_ns: int) -> e.RootEvent:
    base: dict[str, Any] = {"instrument_id": "v.X", "ts_ns": ts_ns, "recv_ns": recv_ns}
    if kind == 0:
        return e.BookTop(**base, update_id=1, bid_ticks=1, bid_lots=1, ask_ticks=2, ask_lots=1)
    if kind == 1:
        return e.FeedStatus(**base, state=BookState.VALID, epoch=1)
    return e.Trade(**base, trade_id=1, side=Side.BUY, price_ticks=1, qty_lots=1)


@given(st.lists(st.tuples(st.integers(0, 2), times, times), max_size=30), st.integers(-500 * MS, 500 * MS))
def test_every_log_that_the_sequencer_stamps_is_right(roots: list[tuple[int, int, int]], offset_ns: int) -> None:
    stamper, check = Stamper(100 * MS, offset_ns), RootCheck(INSTRUMENT, 100 * MS, offset_ns)
    stamped = [each for root in roots for each in stamper.stamp(market_root(*root))] + stamper.finish()
    assert [check.wrong(root) for root in stamped] == [None] * len(stamped)


@given(st.lists(st.tuples(st.integers(0, 2), times, times), min_size=2, max_size=30), st.data())
def test_no_root_can_be_left_out_and_no_time_moved(roots: list[tuple[int, int, int]], data: st.DataObject) -> None:
    stamper, check = Stamper(100 * MS), RootCheck(INSTRUMENT, 100 * MS, 0)
    stamped = [each for root in roots for each in stamper.stamp(market_root(*root))]
    at = data.draw(st.integers(0, len(stamped) - 2))
    if data.draw(st.booleans()):
        del stamped[at]
    else:
        stamped[at] = msgspec.structs.replace(stamped[at], local_ns=stamped[at].local_ns + 1)
    assert any(check.wrong(root) for root in stamped)


def test_a_tick_that_was_never_inserted_is_missed_once() -> None:
    stamper, check = Stamper(100 * MS), RootCheck(INSTRUMENT, 100 * MS, 0)
    stamped = [each for at in (50, 90, 130, 170) for each in stamper.stamp(market_root(2, at * MS, at * MS))]
    unticked = [root for root in stamped if not isinstance(root, e.Tick)]
    renumbered = [msgspec.structs.replace(root, root_seq=n) for n, root in enumerate(unticked, 1)]
    due = e.Tick(ts_ns=100 * MS, recv_ns=100 * MS, local_ns=100 * MS, root_seq=3)
    assert [check.wrong(root) for root in renumbered] == [None, None, (due, "a Tick is missing"), None]
