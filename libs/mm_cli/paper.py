"""`crypto-mm paper`: paper trading over recorded frames, by the nodes that trade live."""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mm_cli.interrupt import interruptible
from mm_cli.options import ConfigOption, SetOption
from mm_cli.synth import SECONDS_NS
from mm_core.types import InputError
from mm_runtime.config import load_config

if TYPE_CHECKING:
    from mm_core.setup.config import Config
    from mm_research.paper import Result
    from mm_store.instrument import Defined
    from mm_store.ws_lines import WsLines

INTERRUPTED = 130
VENUES = ("binance",)
SOURCE = "replay:"
MAX = "max"
PROGRESS_LINES = 10

Progress = Callable[[float, float], bool]


def run(
    symbol: Annotated[str, typer.Option(help="Venue symbol, such as BTCUSDT.")],
    source: Annotated[str, typer.Option(help="replay:<file>[,<file>...], recorded lines of one session in order.")],
    venue: Annotated[str, typer.Option(help="Venue of the frames: binance.")] = "binance",
    speed: Annotated[str, typer.Option(help="max, or a multiple of real time such as 10.")] = MAX,
    duration: Annotated[str, typer.Option(help="Market time after which to stop: 60s, 5m, 1h.")] = "",
    bus: Annotated[str, typer.Option(help="Where the log lives: memory.")] = "memory",
    config: ConfigOption = None,
    settings: SetOption = None,
    tick: Annotated[str, typer.Option(help="Tick size; without it exchangeInfo or the data decides.")] = "",
    lot: Annotated[str, typer.Option(help="Lot size; without it exchangeInfo or the data decides.")] = "",
    exchange_info: Annotated[Path | None, typer.Option(help="File with the venue's exchangeInfo.")] = None,
    out: Annotated[Path | None, typer.Option(help="Session folder to write.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")] = False,
) -> None:
    """Trade recorded market data on paper: five nodes, one ordered log, no money.

    Two runs are equal byte for byte, and equal to a backtest of the imported recording. Ctrl-C ends the session, and
    what was done until then is reported and written.
    """
    _check(venue, bus)
    paths, pace = _paths(source), (_speed(speed), _duration_ns(duration))
    chosen = load_config(config, settings or ())
    import msgspec

    from mm_store.instrument import define
    from mm_store.ws_lines import WsLines

    lines = WsLines(paths)
    defined = define(symbol, lines, tick=tick, lot=lot, exchange_info=exchange_info)
    result = _trade(lines, defined, chosen, out, paths, pace)
    summary = result.summary() | {"session": None if out is None else str(out)}
    typer.echo(msgspec.json.encode(summary).decode() if as_json else _text(summary, defined))
    if not result.complete:
        raise typer.Exit(INTERRUPTED)


def _check(venue: str, bus: str) -> None:
    if venue not in VENUES:
        raise InputError(f"--venue {venue}: expected {' or '.join(VENUES)}")
    if bus != "memory":
        reason = "is not there yet" if bus == "nats" else "is no bus"
        raise InputError(f"--bus {bus}: {reason}; expected memory")


def _trade(
    lines: "WsLines", defined: "Defined", config: "Config", out: Path | None, paths: list[Path], pace: tuple[float, int]
) -> "Result":
    from mm_research.paper import paper

    speed, duration_ns = pace
    with _progress(lines) as progress:
        return paper(
            lines,
            defined.instrument,
            config,
            out,
            inputs=paths,
            speed=speed,
            duration_ns=duration_ns,
            progress=progress,
        )


def _paths(source: str) -> list[Path]:
    files = source.removeprefix(SOURCE)
    if not source.startswith(SOURCE) or "" in files.split(","):
        raise InputError(f"--source {source}: expected {SOURCE}<file>[,<file>...]")
    return [Path(file) for file in files.split(",")]


def _speed(text: str) -> float:
    """Multiple of real time, 0 for as fast as it goes."""
    if text == MAX:
        return 0.0
    if not re.fullmatch(r"\d+(\.\d+)?x?", text) or not float(text.rstrip("x")):
        raise InputError(f"--speed {text}: expected {MAX}, or a number above 0 such as 10")
    return float(text.rstrip("x"))


def _duration_ns(text: str) -> int:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h)", text)
    if not match:
        if text:
            raise InputError(f"--duration {text}: expected a number and a unit, such as 60s, 5m or 1h")
        return 0
    return int(Decimal(match[1]) * SECONDS_NS[match[2]])


@contextmanager
def _progress(lines: "WsLines") -> Iterator[Progress]:
    """Show how far it is, position and result; after Ctrl-C the next frame is the last (a second one ends at once)."""
    with interruptible() as asked, _bar(lines) if sys.stderr.isatty() else _lines(lines) as show:

        def progress(position: float, total: float) -> bool:
            show(f"position {position:,.6g}, result {total:,.6g}")
            return not asked()

        yield progress


@contextmanager
def _bar(lines: "WsLines") -> Iterator[Callable[[str], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = TextColumn("paper"), BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}")
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=lines.bytes_total)
        yield lambda standing: bar.update(task, completed=lines.bytes_read, description=standing)


@contextmanager
def _lines(lines: "WsLines") -> Iterator[Callable[[str], None]]:
    said = 0

    def show(standing: str) -> None:
        nonlocal said
        tenth = PROGRESS_LINES * lines.bytes_read // lines.bytes_total
        if tenth > said:
            said = tenth
            typer.echo(f"paper: {100 * tenth // PROGRESS_LINES} %, {standing}", err=True)

    yield show


def _text(summary: dict[str, Any], defined: "Defined") -> str:
    feed, pnl, instrument = summary["feed"], summary["pnl"], defined.instrument
    depth = {name: feed[f"depth_{name}"] for name in ("received", "dropped", "applied")}
    lines = [
        ("instrument", instrument.instrument_id),
        ("tick", f"{instrument.tick_size} ({defined.tick_source})"),
        ("lot", f"{instrument.lot_size} ({defined.lot_source})"),
        ("depth", f"{depth['received']:,} received, {depth['dropped']:,} dropped, {depth['applied']:,} applied"),
        ("gaps", f"{feed['gaps']:,} in update ids, {feed['trade_gaps']:,} in trade ids"),
        ("book", f"{feed['crossed']:,} times crossed"),
        ("touch", f"equal to the venue's {feed['touch_equal']:,} of {feed['touch_checked']:,} times"),
        ("trades", f"{feed['trades']:,}, {feed['trades_late']:,} of them behind a later depth time"),
        ("fill model", summary["fill_model"]),
        ("orders", f"{summary['orders']:,}, fills {summary['fills']:,}, position {summary['position']:,}"),
        ("result", f"{pnl['total']:,} after fees of {pnl['fees']:,}"),
        ("  is", f"realised {pnl['realised']:,} + unrealised {pnl['unrealised']:,} - fees"),
        ("  is", f"spread {pnl['spread']:,} + inventory {pnl['inventory']:,} - fees"),
        *summary["digests"].items(),
        ("speed", f"{summary['market_s']:,.1f} s of market in {summary['wall_s']:.2f} s: {summary['speed_x']:,.1f}x"),
        ("session", summary["session"] or "not written: no --out"),
    ]
    return "\n".join(f"{name:11} {text}" for name, text in lines)
