"""`crypto-mm backtest`: one configuration over recorded days or a neutral tape, to a session folder."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mm_cli.options import (
    ConfigOption,
    ForceOption,
    ProfileOption,
    SetOption,
    VenueOption,
    check_new,
    check_symbol,
    config_files,
    venue_option,
)
from mm_cli.progress import progress
from mm_cli.summary import activity_rows, as_text, print_notes, result_rows
from mm_core.types import InputError
from mm_service.config import load_config, naming_origin
from mm_session.interrupt import INTERRUPTED, interruptible
from mm_venues.registry import DEFAULT

if TYPE_CHECKING:
    from mm_core.events import InstrumentDefined
    from mm_core.setup.config import Config
    from mm_research.backtest import Result

DAYS_MAX = 3_660  # ten years
DAYS_NAMED = 3  # of those that are missing
SOURCES = "expected either --data with --symbol and --day, or --tape with --tick and --lot"
Progress = Callable[[int, int], bool]


def run(
    out: Annotated[Path, typer.Option(help="Session folder to write.")],
    data: Annotated[Path | None, typer.Option(help="Data root of recorded days.")] = None,
    venue: VenueOption = DEFAULT,
    symbol: Annotated[str, typer.Option(help="Symbol of the days, such as BTCUSDT.")] = "",
    day: Annotated[str, typer.Option(help="YYYYMMDD, or the days of one session as first..last.")] = "",
    tape: Annotated[Path | None, typer.Option(help="Neutral tape in Parquet, in the place of days.")] = None,
    tick: Annotated[str, typer.Option(help="Tick size of the neutral tape.")] = "",
    lot: Annotated[str, typer.Option(help="Lot size of the neutral tape.")] = "",
    profile: ProfileOption = "",
    config: ConfigOption = None,
    settings: SetOption = None,
    force: ForceOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")] = False,
) -> None:
    """Run the quoter, the risk gate and the paper exchange over recorded market data.

    The rows come in the order in which they were received, as in paper trading. Ctrl-C ends the run, and what was done
    until then is written.
    """
    files = config_files(profile, config)
    chosen = load_config(files, settings or ())
    if (data is None) == (tape is None):
        raise InputError(SOURCES)
    check_new("--out", out, force=force)
    with naming_origin(files, settings or ()):
        if tape is not None:
            _require({"--tick": tick, "--lot": lot})
            result = _of_tape(tape, tick, lot, chosen, out)
        else:
            assert data is not None
            result = _of_days(_folder(data, venue, symbol, day), days_of(day), chosen, out)
    import msgspec

    summary = result.summary() | {"session": str(out)}
    typer.echo(msgspec.json.encode(summary).decode() if as_json else _text(summary))
    if not result.complete:
        raise typer.Exit(INTERRUPTED)


def _folder(data: Path, venue: str, symbol: str, day: str) -> Path:
    """Where the days are. InputError for a venue or symbol that is no name of a folder."""
    _require({"--symbol": symbol, "--day": day})
    venue_option("--venue", venue)
    check_symbol("--symbol", symbol)
    return data / venue / symbol


def _require(options: dict[str, str]) -> None:
    for name, value in options.items():
        if not value:
            raise InputError(
                f"{name}: missing; expected --data with --symbol and --day, or --tape with --tick and --lot"
            )


def days_of(text: str) -> list[str]:
    """The days of `YYYYMMDD` or `YYYYMMDD..YYYYMMDD`, both ends included. InputError for anything else."""
    match = re.fullmatch(r"([0-9]{8})(?:\.\.([0-9]{8}))?", text)
    try:
        first, last = (date.fromisoformat(each) for each in (match[1], match[2] or match[1])) if match else (None, None)
    except ValueError:
        first = last = None
    if first is None or last is None or last < first:
        raise InputError(f"--day {text}: expected YYYYMMDD or YYYYMMDD..YYYYMMDD")
    if (last - first).days >= DAYS_MAX:
        raise InputError(f"--day {text}: {(last - first).days + 1:,} days; expected at most {DAYS_MAX:,}")
    return [f"{first + timedelta(n):%Y%m%d}" for n in range((last - first).days + 1)]


def _of_days(folder: Path, days: list[str], config: "Config", out: Path) -> "Result":
    from mm_research.backtest import backtest
    from mm_store.tape import read_tape

    paths = [folder / day / f"tape_{folder.name}_{day}.parquet" for day in days]
    _check_there(folder, [day for day, path in zip(days, paths, strict=True) if not path.is_file()])
    tape = read_tape(paths)
    _print_notes(config, tape.instrument)
    with _progress() as take:
        return backtest(tape, tape.instrument, config, out, inputs=paths, progress=take)


def _check_there(folder: Path, missing: list[str]) -> None:
    if missing:
        rest = f" and {len(missing) - DAYS_NAMED:,} more days" if len(missing) > DAYS_NAMED else ""
        raise InputError(
            f"{folder}: no tape of {', '.join(missing[:DAYS_NAMED])}{rest}; expected days that `crypto-mm import` wrote"
        )


def _of_tape(path: Path, tick: str, lot: str, config: "Config", out: Path) -> "Result":
    from mm_research.backtest import backtest
    from mm_research.bench import neutral_instrument
    from mm_research.columns import read_neutral, receive_on_exchange_clock

    rows = read_neutral(path, tick, lot).local_rows
    receive_on_exchange_clock(rows, config.clock.offset_ns)
    instrument = neutral_instrument(path, tick, lot)
    _print_notes(config, instrument)
    with _progress() as take:
        return backtest(rows, instrument, config, out, inputs=[path], progress=take)


def _print_notes(config: "Config", instrument: "InstrumentDefined") -> None:
    from mm_core.setup.notes import start_notes

    print_notes(start_notes(config, instrument))


@contextmanager
def _progress() -> Iterator[Progress]:
    """Show rows done, as a bar on a terminal; after Ctrl-C the next step is the last (a second one ends at once)."""
    with interruptible() as interrupted, progress("backtest", has_lines=False) as show:

        def take(done: int, total: int) -> bool:
            show(done, total, "")
            return not interrupted()

        yield take


def _text(summary: dict[str, Any]) -> str:
    rows = [
        *activity_rows(summary),
        ("rows", f"{summary['rows']:,} in {summary['seconds']:.3f} s, {summary['rows_per_s']:,} rows/s"),
        *result_rows(summary),
        ("session", summary["session"]),
    ]
    return as_text(rows)
