"""A running session shown: a panel on a terminal, a plain line now and then elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING

import typer

from mm_cli.summary import counts_text, share_text
from mm_core.types import NS_PER_S
from mm_session.view import SessionView

if TYPE_CHECKING:
    from rich.panel import Panel

REFRESH_S = 0.25
LINE_S = 5.0


Show = Callable[[SessionView], None]


def print_now(line: str) -> None:
    """A line beside what is shown."""
    typer.echo(line, err=True)


@contextmanager
def console(title: str) -> Iterator[Show]:
    """Give what shows a view; it may be called as often as one likes."""
    with _panel(title) if sys.stderr.isatty() else _plain() as show:
        yield show


@contextmanager
def _panel(title: str) -> Iterator[Show]:
    from rich.console import Console
    from rich.live import Live

    shown_s = 0.0
    with Live(console=Console(stderr=True), auto_refresh=False, transient=True) as live:

        def show(view: SessionView) -> None:
            nonlocal shown_s
            if monotonic() - shown_s >= REFRESH_S:
                shown_s = monotonic()
                live.update(panel(title, view), refresh=True)

        yield show


def panel(title: str, view: SessionView) -> "Panel":
    """The panel of a view."""
    from rich.panel import Panel
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column()
    for name, text in rows(view):
        table.add_row(name, text)
    return Panel(table, title=title, subtitle="Ctrl-C ends the session", width=78)


def rows(view: SessionView) -> list[tuple[str, str]]:
    """Name and text of each line."""
    standing = view.standing
    spread = standing.ask - standing.bid
    bids = [f"{price:,.8g}" for is_sell, price in standing.quotes if not is_sell]
    asks = [f"{price:,.8g}" for is_sell, price in standing.quotes if is_sell]
    restarts = ", ".join(f"{name} {count}" for name, count in view.restarts.items())
    return [
        ("time", f"{_time(standing.local_ns)}, {view.speed_x:,.1f}x, log {view.log_seq:,}"),
        ("book", f"{standing.bid:,.8g} / {standing.ask:,.8g}, spread {spread:,.4g}, {standing.book_state}"),
        (
            "quotes",
            f"bid {' '.join(bids) or '-'}, ask {' '.join(asks) or '-'}; {share_text(standing.quoted_share)} of time",
        ),
        *(("why", line) for line in standing.why),
        ("position", f"{standing.position:,.8g} {standing.base}"),
        (
            "PnL",
            f"R {standing.realised:,.6g}  U {standing.unrealised:,.6g}  T {standing.total:,.6g} {standing.quote}",
        ),
        ("orders", f"{standing.orders:,}, fills {standing.fills:,}, fees {standing.fees:,.6g} {standing.quote}"),
        ("refused", f"denied {counts_text(standing.denied)}; rejected {counts_text(standing.rejected)}"),
        ("risk", standing.trading_state + (f"; restarted: {restarts}" if restarts else "")),
        *([("away", ", ".join(view.waiting))] if view.waiting else []),
    ]


@contextmanager
def _plain() -> Iterator[Show]:
    printed_s = monotonic()

    def show(view: SessionView) -> None:
        nonlocal printed_s
        if monotonic() - printed_s >= LINE_S:
            printed_s = monotonic()
            typer.echo("paper: " + "; ".join(f"{name} {text}" for name, text in rows(view)), err=True)

    yield show


def _time(time_ns: int) -> str:
    if not time_ns:
        return "no market data yet"
    return datetime.fromtimestamp(time_ns / NS_PER_S, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
