"""`crypto-mm import`: recorded frames of another recorder, or a session's log, to tapes of the data root."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mm_cli.failures import fail_on
from mm_cli.options import ForceOption, SalvageOption, VenueOption, check_choice, check_symbol, venue_option
from mm_cli.progress import progress
from mm_cli.summary import as_text, left_out_rows, print_notes, size_notes
from mm_core.types import InputError
from mm_venues.port import Venue
from mm_venues.registry import DEFAULT

if TYPE_CHECKING:
    from mm_research.importer import Imported
    from mm_store.tape_session import SessionTape
    from mm_store.ws_lines import WsLines

WS_LINES, SESSION = "ws-lines", "session"
SOURCES = (WS_LINES, SESSION)
TITLE = "importing"
BEHIND = "{} Ticks behind the last market data; a backtest of the tape has one there, and its close differs"


def run(
    files: Annotated[list[Path], typer.Argument(help="Recorded files of one session in order of time, or its folder.")],
    out: Annotated[Path, typer.Option(help="Data root; days go to <out>/<venue>/<symbol>/<YYYYMMDD>/.")],
    symbol: Annotated[str, typer.Option(help="Venue symbol of ws-lines, such as BTCUSDT.")] = "",
    source: Annotated[str, typer.Option("--from", help="ws-lines, or session for the log of a session.")] = WS_LINES,
    venue: VenueOption = DEFAULT,
    tick: Annotated[str, typer.Option(help="Tick size; without it exchangeInfo or the data decides.")] = "",
    lot: Annotated[str, typer.Option(help="Lot size; without it exchangeInfo or the data decides.")] = "",
    exchange_info: Annotated[Path | None, typer.Option(help="File with the venue's exchangeInfo.")] = None,
    salvage: SalvageOption = False,
    force: ForceOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")] = False,
) -> None:
    """Turn recorded frames, or the log of a session, into one tape per UTC day, and check them on the way.

    ws-lines are lines `<receive time in us or ns> <raw JSON>`, plain or gzip; a line that cannot be used is bad input,
    unless --salvage leaves it out. A session's tape, with the session's configuration, leads a backtest to the
    session's own decisions. Files appear only when all is read; a day that is there needs --force.
    """
    check_choice("--from", source, SOURCES)
    of = venue_option("--venue", venue)
    import msgspec

    sizes = {"tick": tick, "lot": lot}
    if source == SESSION:
        given = {"symbol": symbol, **sizes, "exchange-info": exchange_info, "salvage": salvage}
        tape = _of_session(files, out, [f"--{option}" for option, value in given.items() if value], force=force)
        result, summary, failures = tape.to_json(), _session_summary(tape), list[str]()
    else:
        lines = _lines_of(files, symbol, salvage=salvage)
        imported = _of_lines(lines, of, out, symbol, sizes, exchange_info, force=force)
        result, summary, failures = imported.to_json(), _summary(imported), imported.failures
    typer.echo(msgspec.json.encode(result).decode() if as_json else summary)
    fail_on(failures)


def _lines_of(files: list[Path], symbol: str, *, salvage: bool) -> "WsLines":
    if not symbol:
        raise InputError("--symbol: missing; expected the venue's symbol of the frames, such as BTCUSDT")
    check_symbol("--symbol", symbol)
    from mm_store.ws_lines import WsLines

    return WsLines(files, salvage=salvage)


def _of_lines(
    lines: "WsLines",
    venue: Venue,
    out: Path,
    symbol: str,
    sizes: dict[str, str],
    exchange_info: Path | None,
    *,
    force: bool,
) -> "Imported":
    from mm_research.importer import import_ws_lines

    print_notes(size_notes(sizes["tick"], sizes["lot"], exchange_info))
    defined = venue.define(symbol, lines, **sizes, exchange_info=exchange_info)
    with progress(TITLE) as show:
        return import_ws_lines(lines, defined, out, lambda done, total: show(done, total, ""), force=force)


def _of_session(folders: list[Path], out: Path, given: list[str], *, force: bool) -> "SessionTape":
    if given:
        raise InputError(f"{given[0]}: the session's manifest has it; expected no such option with --from session")
    if len(folders) != 1:
        raise InputError(f"{folders[1]}: a second session; expected one session folder")
    from mm_research.stored import read_stored
    from mm_store.tape_session import import_session

    stored = read_stored(folders[0])
    first_ns, last_ns = stored.first_ns or 0, stored.last_ns or 0
    total_ns = max(last_ns - first_ns, 1)
    with progress(TITLE) as show:

        def take(local_ns: int) -> None:
            show(min(max(local_ns - first_ns, 0), total_ns), total_ns, "")

        tape = import_session(folders[0], stored.instrument, stored.config.clock.offset_ns, out, take, force=force)
        show(total_ns, total_ns, "")
    if tape.ticks_behind != 1:
        typer.echo(f"warning: {BEHIND.format(tape.ticks_behind)}", err=True)
    return tape


def _summary(imported: "Imported") -> str:
    import msgspec

    feed, instrument = imported.feed, imported.defined.instrument
    clock = ", ".join(f"{name} {value:,.1f}" for name, value in imported.clock_ms.items()) or "no applied depth"
    lines = [
        ("instrument", instrument.instrument_id),
        ("tick", f"{instrument.tick_size} ({imported.defined.tick_source})"),
        ("lot", f"{instrument.lot_size} ({imported.defined.lot_source})"),
        ("depth", f"{feed.depth_received:,} received, {feed.depth_dropped:,} dropped, {feed.depth_applied:,} applied"),
        ("gaps", f"{feed.gaps:,} in update ids, {feed.trade_gaps:,} in trade ids"),
        ("book", f"{feed.crossed:,} times crossed; touch equal {feed.touch_equal:,} of {feed.touch_checked:,} times"),
        ("trades", f"{feed.trades:,}, {feed.trades_late:,} of them behind a later depth time"),
        ("off lot", f"{feed.off_lot_levels:,} level quantities, rounded down to whole lots"),
        ("other", ", ".join(f"{kind} {count:,}" for kind, count in feed.other.items()) or "none"),
        ("clock", f"receive time - event time in ms: {clock}"),
        ("rows", f"{imported.rows:,}"),
        *left_out_rows(msgspec.to_builtins(imported.left_out)),
        *(("written", str(folder)) for folder in imported.folders),
    ]
    return as_text(lines)


def _session_summary(tape: "SessionTape") -> str:
    clock = ", ".join(f"{name} {value:,.1f}" for name, value in tape.clock_ms.items()) or "no depth"
    lines = [
        ("instrument", tape.defined.instrument.instrument_id),
        ("tick", f"{tape.defined.instrument.tick_size} ({tape.defined.tick_source})"),
        ("lot", f"{tape.defined.instrument.lot_size} ({tape.defined.lot_source})"),
        *((kind, f"{count:,}") for kind, count in tape.events.items()),
        ("clock", f"receive time - event time in ms: {clock}"),
        ("restamped", f"{tape.restamped:,} receive times set so that they lead to the log's local_ns"),
        ("rows", f"{tape.rows:,}"),
        *(("written", str(folder)) for folder in tape.folders),
    ]
    return as_text(lines)
