"""`crypto-mm paper`: paper trading over live or recorded frames, by the nodes that trade live."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mm_cli.failures import fail_on
from mm_cli.options import (
    MAX,
    ConfigOption,
    ProfileOption,
    SalvageOption,
    SetOption,
    VenueOption,
    check_choice,
    check_symbol,
    config_files,
    duration_option,
    source_files,
    speed_option,
    venue_option,
)
from mm_cli.progress import progress
from mm_cli.summary import activity_rows, as_text, print_notes, result_rows, share_text, size_notes
from mm_core.types import InputError
from mm_service.config import load_config, naming_origin
from mm_service.sources import LIVE, PACED, REPLAY
from mm_session.folder import check_empty
from mm_session.interrupt import INTERRUPTED, interruptible
from mm_venues.port import Venue
from mm_venues.registry import DEFAULT

if TYPE_CHECKING:
    from mm_research.session_tracker import SessionStatus
    from mm_service.settings import Settings
    from mm_store.ws_lines import WsLines
    from mm_venues.defined import Defined

BUSES = ("nats", "memory")
SOURCE_FORM = f"{LIVE}, {REPLAY}<file>[,<file>...] or {PACED}<file>[,<file>...]"

SourceOption = Annotated[
    str, typer.Option(help="live, replay:<file>[,<file>...] of recorded lines, or paced:<file>..: as if now.")
]
Progress = Callable[["SessionStatus"], bool]


def run(
    symbol: Annotated[str, typer.Option(help="Venue symbol, such as BTCUSDT.")],
    source: SourceOption = LIVE,
    venue: VenueOption = DEFAULT,
    speed: Annotated[str, typer.Option(help="Of a replay: max, or a multiple of real time such as 10.")] = MAX,
    duration: Annotated[str, typer.Option(help="Market time after which to stop: 60s, 5m, 1h.")] = "",
    bus: Annotated[str, typer.Option(help="Where the log lives: nats, or memory for a quick replay.")] = "nats",
    profile: ProfileOption = "",
    config: ConfigOption = None,
    settings: SetOption = None,
    tick: Annotated[str, typer.Option(help="Tick size; without it exchangeInfo or the data decides.")] = "",
    lot: Annotated[str, typer.Option(help="Lot size; without it exchangeInfo or the data decides.")] = "",
    exchange_info: Annotated[Path | None, typer.Option(help="File with the venue's exchangeInfo.")] = None,
    salvage: SalvageOption = False,
    out: Annotated[Path | None, typer.Option(help="Session folder to write: a new one, or an empty one.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")] = False,
) -> None:
    """Trade on paper: five nodes on one ordered log, no money.

    On the bus `nats` every node is a service of its own over a private nats-server, with ClickHouse beside them;
    `halt`, `status`, `sql` and the like talk to it. Two replays are equal byte for byte, on either bus, and equal to a
    backtest of the imported recording. Ctrl-C ends the session; what was done until then is reported and written. A
    session that failed or was killed stays in its folder: `resume --session` resumes it.
    """
    check_symbol("--symbol", symbol)
    check_empty("--out", out)
    of = _check(venue, bus, source, salvage=salvage)
    files = config_files(profile, config)
    chosen, given = _configured(of, files, list(settings or ()), source)
    pace = (speed_option("--speed", speed), duration_option("--duration", duration) if duration else 0)
    lines = _lines_of(source, salvage=salvage)
    defined = _defined(of, symbol, lines, chosen, tick, lot, exchange_info)
    notes = _notes(files, given, chosen, defined, size_notes(tick, lot, exchange_info))
    summary, complete = (
        _in_memory(lines, defined, chosen, out, pace)
        if bus == "memory" and lines is not None
        else _on_bus(source, lines, defined, chosen, notes, out, pace)
    )
    print_result(summary | {"notes": notes, "session": None if out is None else str(out)}, defined, as_json=as_json)
    end(summary["failures"], complete=complete)


def end(failures: list[str], *, complete: bool) -> None:
    """The exit code of a session."""
    if not complete:
        raise typer.Exit(INTERRUPTED)
    fail_on(failures)


def _configured(venue: Venue, files: Sequence[Path], given: list[str], source: str) -> tuple["Settings", list[str]]:
    """The configuration, and the settings over the files; a live session begins by measuring the clock's offset."""
    chosen = load_config(files, given)
    if source != LIVE:
        return chosen, given
    given = [_measured_offset(venue, chosen), *given]
    return load_config(files, given), given


def _lines_of(source: str, *, salvage: bool) -> "WsLines | None":
    """The recording of a source; None for the live one."""
    if source == LIVE:
        return None
    from mm_store.ws_lines import WsLines

    return WsLines(source_files(f"--source {source}", source.partition(":")[2], SOURCE_FORM), salvage=salvage)


def _defined(
    venue: Venue,
    symbol: str,
    lines: "WsLines | None",
    config: "Settings",
    tick: str,
    lot: str,
    exchange_info: Path | None,
) -> "Defined":
    """The instrument."""
    if lines is None:
        from mm_session.before_live import defined_live

        return defined_live(venue, symbol, config.venue)
    return venue.define(symbol, lines, tick=tick, lot=lot, exchange_info=exchange_info)


def _notes(
    files: Sequence[Path], given: Sequence[str], config: "Settings", defined: "Defined", notes: list[str]
) -> list[str]:
    """Print what is to be known before the start. InputError for a configuration that can never quote."""
    from mm_core.setup.notes import start_notes

    with naming_origin(files, given):
        notes = [*notes, *start_notes(config, defined.instrument)]
    print_notes(notes)
    return notes


def print_result(summary: dict[str, Any], defined: "Defined", *, as_json: bool) -> None:
    """Print what a session did."""
    import msgspec

    typer.echo(msgspec.json.encode(summary).decode() if as_json else _text(summary, defined))


def _check(venue: str, bus: str, source: str, *, salvage: bool) -> Venue:
    """The venue. InputError for options that do not fit together."""
    chosen = venue_option("--venue", venue)
    check_choice("--bus", bus, BUSES)
    if source != LIVE and not source.startswith((REPLAY, PACED)):
        raise InputError(f"--source {source}: expected {SOURCE_FORM}")
    if bus == "memory" and not source.startswith(REPLAY):
        raise InputError(f"--bus memory: expected --source {REPLAY}<files>, not {source}")
    if salvage and source == LIVE:
        raise InputError(f"--salvage: of recorded files; expected --source {REPLAY}<files>")
    return chosen


def _in_memory(
    lines: "WsLines", defined: "Defined", config: "Settings", out: Path | None, pace: tuple[float, int]
) -> tuple[dict[str, Any], bool]:
    from mm_research.paper import paper

    speed, duration_ns = pace
    with _progress(lines) as take:
        result = paper(
            lines,
            defined.instrument,
            config,
            out,
            inputs=lines.paths,
            speed=speed,
            duration_ns=duration_ns,
            book_top=config.bus.book_top,
            progress=take,
        )
    return result.summary(), result.complete


def _on_bus(
    source: str,
    lines: "WsLines | None",
    defined: "Defined",
    config: "Settings",
    notes: list[str],
    out: Path | None,
    pace: tuple[float, int],
) -> tuple[dict[str, Any], bool]:
    from time import time_ns

    from mm_cli.console import console, print_now
    from mm_session.run import summary, trade
    from mm_session.spec import new_spec

    spec = new_spec(source, lines, defined, config, notes, out, pace, time_ns())
    outcome = trade(spec, console, print_now)
    return summary(outcome), outcome.result.complete


def _measured_offset(venue: Venue, config: "Settings") -> str:
    """The exchange's clock against ours, as a setting that the user's own overrides."""
    from mm_session.before_live import measured_offset_ns

    return f"clock.offset_ns={measured_offset_ns(venue, config.venue)}"


@contextmanager
def _progress(lines: "WsLines") -> Iterator[Progress]:
    """Show how far it is, position and result; after Ctrl-C the next frame is the last (a second one ends at once)."""
    with interruptible() as interrupted, progress("paper") as show:

        def take(standing: "SessionStatus") -> bool:
            text = (
                f"position {standing.position:,.6g} {standing.base}, result {standing.total:,.6g} {standing.quote}, "
                f"quoted {share_text(standing.quoted_share)}"
            )
            show(lines.bytes_read, lines.bytes_total, text)
            return not interrupted()

        yield take


def _text(summary: dict[str, Any], defined: "Defined") -> str:
    feed, instrument = summary["feed"], defined.instrument
    depth = {name: feed[f"depth_{name}"] for name in ("received", "dropped", "applied")}
    rows = [
        *activity_rows(summary),
        ("instrument", instrument.instrument_id),
        ("tick", f"{instrument.tick_size} ({defined.tick_source})"),
        ("lot", f"{instrument.lot_size} ({defined.lot_source})"),
        ("depth", f"{depth['received']:,} received, {depth['dropped']:,} dropped, {depth['applied']:,} applied"),
        ("gaps", f"{feed['gaps']:,} in update ids, {feed['trade_gaps']:,} in trade ids"),
        ("crossed", f"{feed['crossed']:,} times"),
        ("touch", f"equal to the venue's {feed['touch_equal']:,} of {feed['touch_checked']:,} times"),
        ("trades", f"{feed['trades']:,}, {feed['trades_late']:,} of them behind a later depth time"),
        *result_rows(summary),
        ("speed", f"{summary['market_s']:,.1f} s of market in {summary['wall_s']:.2f} s: {summary['speed_x']:,.1f}x"),
        *_bus_text(summary),
        ("session", summary["session"] or "not written: no --out"),
    ]
    return as_text(rows)


def _bus_text(summary: dict[str, Any]) -> list[tuple[str, str]]:
    """What only a session on the bus has."""
    if "store" not in summary:
        return []
    store = summary["store"]
    rows = ", ".join(f"{count:,} {name}" for name, count in store.items()) if store else "not all of the log"
    restarts = ", ".join(f"{name} {count}" for name, count in summary["restarts"].items())
    closed = [] if summary["closed"] else [("log", "NOT closed: the session can go on")]
    return [*closed, ("store", rows), ("restarted", restarts or "nothing")]
