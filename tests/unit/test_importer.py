"""Recorded lines to day folders, and where tick and lot come from."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from mm_cli import import_
from mm_core.events import BookSnapshot, FeedStatus, Trade
from mm_core.types import BookState, InputError
from mm_research.importer import Imported, import_ws_lines
from mm_store.tape import events, read_tape
from mm_store.ws_lines import WsLines
from mm_venues.binance.define import define
from mm_venues.defined import Defined

MIDNIGHT_MS = 1_790_035_200_000  # 2026-09-22T00:00:00Z
INFO: dict[str, object] = {
    "symbols": [
        {
            "symbol": "ETHUSDT",
            "baseAsset": "ETH",
            "quoteAsset": "USDT",
            "filters": [
                {"filterType": "PRICE_FILTER", "tickSize": "0.01000000"},
                {"filterType": "LOT_SIZE", "minQty": "0.00200000", "stepSize": "0.00100000"},
            ],
        }
    ]
}


def line(at_ms: int, frame: dict[str, object]) -> str:
    """A frame received at a time after midnight."""
    return f"{(MIDNIGHT_MS + at_ms) * 1_000} {json.dumps(frame)}\n"


def diff(at_ms: int, first: int, last: int, bids: list[list[str]] | None = None) -> str:
    """A depth frame whose event time is 5 ms before it is received."""
    frame = {"e": "depthUpdate", "E": MIDNIGHT_MS + at_ms - 5, "s": "ETHUSDT", "U": first, "u": last}
    return line(at_ms, frame | {"b": bids or [], "a": []})


def trade(at_ms: int, trade_id: int, quantity: str = "0.250") -> str:
    """A trade at 2450.50."""
    frame: dict[str, object] = {"e": "trade", "s": "ETHUSDT", "t": trade_id, "p": "2450.50000000", "q": quantity}
    return line(at_ms, frame | {"T": MIDNIGHT_MS + at_ms - 6, "m": False})


def top(at_ms: int, update_id: int, bid: str) -> str:
    """The venue's touch."""
    frame: dict[str, object] = {"u": update_id, "s": "ETHUSDT", "b": bid, "B": "2.000", "a": "2451.000", "A": "4.000"}
    return line(at_ms, frame)


SNAPSHOT = {"lastUpdateId": 10, "bids": [["2450.000", "1.500"]], "asks": [["2451.000", "4.000"]]}
LINES = [
    diff(-400, 9, 10),
    diff(-300, 11, 11, [["2450.500", "2.000"]]),
    line(-250, SNAPSHOT),
    trade(-200, 5),
    top(-150, 11, "2450.500"),
    diff(100, 12, 13, [["2450.500", "0.000"]]),
    trade(150, 7, "0.500"),
]


@pytest.fixture
def lines(tmp_path: Path) -> WsLines:
    """A session over midnight."""
    path = tmp_path / "session.txt"
    path.write_text("".join(LINES))
    return WsLines([path])


def run(lines: WsLines, out: Path, defined: Defined | None = None) -> Imported:
    """Import with the sizes given."""
    defined = defined or define("ETHUSDT", lines, tick="0.1", lot="0.001")
    return import_ws_lines(lines, defined, out, lambda _done, _total: None)


def test_a_session_becomes_a_tape_per_utc_day(lines: WsLines, tmp_path: Path) -> None:
    imported = run(lines, tmp_path / "data")
    folder = tmp_path / "data" / "binance" / "ETHUSDT"
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert files == [
        "20260921/instrument.json",
        "20260921/tape_ETHUSDT_20260921.parquet",
        "20260922/instrument.json",
        "20260922/tape_ETHUSDT_20260922.parquet",
    ]
    tapes = [folder / day / f"tape_ETHUSDT_{day}.parquet" for day in imported.days]
    types = [type(event).__name__ for event in events(read_tape(tapes))]
    expected = "InstrumentDefined FeedStatus BookSnapshot BookDelta FeedStatus Trade BookTop BookDelta Trade"
    assert types == expected.split()
    _, book, status, *rest = events(read_tape(tapes[1:]))
    assert isinstance(book, BookSnapshot)
    assert (book.update_id, book.bid_ticks, book.bid_lots) == (11, (24505, 24500), (2000, 1500))
    assert (book.ask_ticks, book.ask_lots) == ((24510,), (4000,))
    assert isinstance(status, FeedStatus)
    assert (status.state, status.epoch) == (BookState.VALID, 1)
    assert [type(event).__name__ for event in rest] == ["BookDelta", "Trade"]


def test_the_figures_of_the_feed_are_reported(lines: WsLines, tmp_path: Path) -> None:
    made = run(lines, tmp_path).to_json()
    assert {name: made[name] for name in ("depth_received", "depth_dropped", "depth_applied", "gaps", "crossed")} == {
        "depth_received": 3,
        "depth_dropped": 1,
        "depth_applied": 2,
        "gaps": 0,
        "crossed": 0,
    }
    assert (made["trades"], made["trade_gaps"], made["touch_checked"], made["touch_equal"]) == (2, 1, 1, 1)
    assert (made["days"], made["rows"]) == (["20260921", "20260922"], 11)
    assert made["clock_ms"] == {"p1": 5.0, "p50": 5.0, "p99": 5.0}


def test_diffs_that_waited_over_midnight_keep_their_place(tmp_path: Path) -> None:
    path = tmp_path / "session.txt"
    late = line(50, SNAPSHOT)
    path.write_text("".join([diff(-300, 9, 11), trade(10, 5), late, trade(60, 6)]))
    imported = run(WsLines([path]), tmp_path)
    tapes = [folder / f"tape_ETHUSDT_{folder.name}.parquet" for folder in imported.folders]
    kinds = [type(event) for event in events(read_tape(tapes))]
    assert kinds.index(Trade) < kinds.index(BookSnapshot)
    assert imported.days == ["20260921", "20260922"]


def imported_from(tmp_path: Path, *lines: str) -> Imported:
    """What an import of these lines finds."""
    path = tmp_path / "session.txt"
    path.write_text("".join(lines))
    return run(WsLines([path]), tmp_path / "data")


def test_the_first_place_that_contradicts_the_book_is_named(tmp_path: Path) -> None:
    made = imported_from(tmp_path, *LINES[:4], top(-150, 11, "2450.400"), top(-140, 11, "2450.300"), *LINES[5:])
    (failure,) = made.failures
    assert failure.endswith(
        "session.txt:5: at update id 11 the venue's touch is 2000 lots at 24504 / 4000 at 24510, "
        "the book's 2000 lots at 24505 / 4000 at 24510"
    )


def test_an_import_without_a_proven_book_reports_what_was_there(tmp_path: Path) -> None:
    made = imported_from(tmp_path, diff(-400, 9, 10), diff(-300, 11, 11), trade(-200, 5))
    assert made.failures == [
        "no book of ETHUSDT was ever proven: 2 depth events, 0 snapshots; expected a depth snapshot and what follows it"
    ]
    assert len(made.folders) == 1


def test_the_first_exchange_info_among_the_frames_defines_the_instrument(tmp_path: Path) -> None:
    path = tmp_path / "session.txt"
    path.write_text("".join([LINES[0], line(-350, INFO), *LINES[1:]]))
    defined = define("ETHUSDT", WsLines([path]))
    assert (defined.instrument.tick_size, defined.instrument.lot_size, defined.instrument.base) == (
        "0.01",
        "0.001",
        "ETH",
    )
    assert (defined.tick_source, defined.lot_source) == ("exchangeInfo among the frames",) * 2
    imported = run(WsLines([path]), tmp_path / "data", defined)
    assert (imported.failures, imported.feed.depth_applied) == ([], 2)
    given = define("ETHUSDT", WsLines([path]), lot="0.0001")
    assert (given.instrument.tick_size, given.instrument.lot_size) == ("0.01", "0.0001")
    assert given.lot_source == "given by --lot"


def test_an_import_ends_where_the_instrument_changes_and_writes_what_was_before(tmp_path: Path) -> None:
    made = imported_from(tmp_path, *LINES[:4], line(-100, INFO), *LINES[5:])
    (failure,) = made.failures
    assert failure.endswith("session.txt:5: tick size 0.1 -> 0.01: the instrument is another one from here on")
    (folder,) = made.folders
    *_, trade_seen, gap = events(read_tape([folder / f"tape_ETHUSDT_{folder.name}.parquet"]))
    assert isinstance(trade_seen, Trade)
    assert isinstance(gap, FeedStatus)
    assert gap.state is BookState.GAP


def test_the_command_prints_what_failed_and_exits_with_1(tmp_path: Path) -> None:
    path = tmp_path / "session.txt"
    path.write_text("".join([diff(-400, 9, 10), trade(-200, 5)]))
    command = typer.Typer()
    command.command()(import_.run)
    arguments = ["--symbol", "ETHUSDT", "--tick", "0.1", "--lot", "0.001", "--out", str(tmp_path), str(path)]
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith("failed: no book of ETHUSDT was ever proven: 1 depth events")


def test_a_bad_line_is_named_and_nothing_is_written(lines: WsLines, tmp_path: Path) -> None:
    (tmp_path / "session.txt").write_text("".join(LINES).replace("2450.500", "2450.530", 1))
    with pytest.raises(
        InputError, match=r"session.txt:2: depthUpdate of ETHUSDT: price 2450.530 is not a multiple of 0.1"
    ):
        run(lines, tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_a_root_that_cannot_be_written_is_one_clear_line(lines: WsLines, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot be written: Not a directory; expected a writable folder"):
        run(lines, tmp_path / "session.txt")


def test_an_interrupted_import_leaves_nothing(lines: WsLines, tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        if done == total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_ws_lines(lines, define("ETHUSDT", lines, tick="0.1", lot="0.001"), tmp_path / "data", interrupt)
    assert not (tmp_path / "data").exists()


def test_sizes_are_inferred_from_the_data_and_reported_as_such(lines: WsLines) -> None:
    defined = define("ETHUSDT", lines)
    assert (defined.instrument.tick_size, defined.tick_source) == ("0.5", "inferred from 6 prices")
    assert (defined.instrument.lot_size, defined.lot_source) == ("0.25", "inferred from 2 trade quantities")


def test_the_lot_is_inferred_from_all_quantities_when_the_trades_do_not_fit_them(tmp_path: Path) -> None:
    path = tmp_path / "session.txt"
    path.write_text("".join([*LINES, diff(200, 14, 14, [["2450.500", "0.100"]])]))
    defined = define("ETHUSDT", WsLines([path]))
    assert (defined.instrument.lot_size, defined.lot_source) == ("0.05", "inferred from 7 quantities")


def test_sizes_come_from_exchange_info_unless_they_are_given(lines: WsLines, tmp_path: Path) -> None:
    info = tmp_path / "info.json"
    info.write_text(json.dumps(INFO))
    defined = define("ETHUSDT", lines, tick="0.10", exchange_info=info)
    assert (defined.instrument.tick_size, defined.tick_source) == ("0.1", "given by --tick")
    assert (defined.instrument.lot_size, defined.lot_source) == ("0.001", "exchangeInfo info.json")
    assert (defined.instrument.base, defined.instrument.qty_lots_min) == ("ETH", 2)


@pytest.mark.parametrize(
    ("symbol", "tick", "message"),
    [
        ("ethusdt", "", "--symbol ethusdt: expected capital letters"),
        ("ETHUSDT", "0", "--tick '0': expected a number above 0"),
        ("BTCUSDT", "", "session.txt:1: depthUpdate of BTCUSDT: wrong symbol ETHUSDT, expected BTCUSDT"),
    ],
)
def test_a_wrong_symbol_or_size_is_one_clear_line(lines: WsLines, symbol: str, tick: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        define(symbol, lines, tick=tick)


def test_lines_without_a_price_leave_nothing_to_infer_from(tmp_path: Path) -> None:
    path = tmp_path / "session.txt"
    path.write_text(diff(0, 1, 1))
    with pytest.raises(InputError, match=r"nothing to infer a size from; give --tick or --exchange-info"):
        define("ETHUSDT", WsLines([path]))


def invoke(*arguments: str) -> tuple[str, str]:
    """Standard output and error of the command."""
    app = typer.Typer()
    app.command()(import_.run)
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    return result.stdout, result.stderr


def test_the_command_prints_a_summary_or_one_json_object(lines: WsLines, tmp_path: Path) -> None:
    assert lines.bytes_total
    arguments = ["--symbol", "ETHUSDT", "--out", str(tmp_path), str(tmp_path / "session.txt")]
    summary, progress = invoke(*arguments)
    assert "depth       3 received, 1 dropped, 2 applied" in summary
    assert progress.splitlines()[-1] == "importing: 100 %"
    with pytest.raises(
        InputError, match=r"tape_ETHUSDT_20260921.parquet: there already; expected --force to write over"
    ):
        invoke(*arguments)
    made = json.loads(invoke("--json", "--force", *arguments)[0].splitlines()[-1])
    assert made["depth_received"] == 3
    assert made["instrument"]["tick_source"] == "inferred from 6 prices"


@pytest.mark.parametrize(("option", "value"), [("--from", "csv"), ("--venue", "mars")])
def test_an_unknown_source_or_venue_is_one_clear_line(option: str, value: str) -> None:
    with pytest.raises(InputError, match=f"{option} {value}: expected (ws-lines|binance)"):
        invoke("--symbol", "ETHUSDT", "--out", "x", option, value, "y")


def test_salvage_writes_what_is_left_and_names_what_is_not(tmp_path: Path) -> None:
    path = tmp_path / "session.txt"
    path.write_text("".join(LINES) + "garbage\n" + LINES[-1][:60])
    arguments = ["--symbol", "ETHUSDT", "--out", str(tmp_path / "data"), str(path)]
    with pytest.raises(InputError, match=r"session.txt:\d+: .*; --salvage leaves out such lines"):
        invoke(*arguments)
    made = json.loads(invoke("--json", "--salvage", *arguments)[0].splitlines()[-1])
    assert made["depth_received"] == 3
    assert {kind: each["count"] for kind, each in made["left_out"].items()} == {"no receive time": 1, "bad frame": 1}
    assert made["left_out"]["bad frame"]["first"].startswith(f"{path}:{len(LINES) + 2}: ")
    assert "left out    1 line: bad frame; first " in invoke("--salvage", "--force", *arguments)[0]
