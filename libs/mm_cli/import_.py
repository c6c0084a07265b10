"""`crypto-mm import`: recorded frames of another recorder to tapes of the data root."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mm_core.types import InputError

if TYPE_CHECKING:
    from mm_store.importer import Imported

SOURCES = ("ws-lines",)
VENUES = ("binance",)
PROGRESS_LINES = 10


def run(
    files: Annotated[list[Path], typer.Argument(help="Recorded files of one session, in order of time.")],
    symbol: Annotated[str, typer.Option(help="Venue symbol, such as BTCUSDT.")],
    out: Annotated[Path, typer.Option(help="Data root; days go to <out>/<venue>/<symbol>/<YYYYMMDD>/.")],
    source: Annotated[str, typer.Option("--from", help="Format of the files: ws-lines.")] = "ws-lines",
    venue: Annotated[str, typer.Option(help="Venue of the frames: binance.")] = "binance",
    tick: Annotated[str, typer.Option(help="Tick size; without it exchangeInfo or the data decides.")] = "",
    lot: Annotated[str, typer.Option(help="Lot size; without it exchangeInfo or the data decides.")] = "",
    exchange_info: Annotated[Path | None, typer.Option(help="File with the venue's exchangeInfo.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")] = False,
) -> None:
    """Turn recorded frames into one tape per UTC day, and check them on the way.

    ws-lines are lines `<receive time in us or ns> <raw JSON>`, plain or gzip. Files appear only when all is read.
    """
    _check_choice("--from", source, SOURCES)
    _check_choice("--venue", venue, VENUES)
    import msgspec

    from mm_store.importer import import_ws_lines
    from mm_store.instrument import define
    from mm_store.ws_lines import WsLines

    lines = WsLines(files)
    defined = define(symbol, lines, tick=tick, lot=lot, exchange_info=exchange_info)
    with _progress() as progress:
        imported = import_ws_lines(lines, defined, out, progress)
    typer.echo(msgspec.json.encode(imported.to_json()).decode() if as_json else _summary(imported))


def _check_choice(option: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise InputError(f"{option} {value}: expected {' or '.join(choices)}")


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, ten plain lines elsewhere; both on stderr."""
    if not sys.stderr.isatty():
        yield _PlainProgress().update
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("importing", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


class _PlainProgress:
    def __init__(self) -> None:
        self._said = 0

    def update(self, done: int, total: int) -> None:
        tenths = PROGRESS_LINES * done // total
        if tenths > self._said:
            self._said = tenths
            typer.echo(f"importing: {100 * tenths // PROGRESS_LINES} %", err=True)


def _summary(imported: "Imported") -> str:
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
        *(("written", str(folder)) for folder in imported.folders),
    ]
    return "\n".join(f"{name:11} {text}" for name, text in lines)
