"""How far a long command is: a bar on a terminal, ten plain lines elsewhere; both on stderr."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer

LINES = 10
Show = Callable[[float, float, str], None]  # done, of how much, and what else there is to show


@contextmanager
def progress(title: str, *, has_lines: bool = True) -> Iterator[Show]:
    """Give what shows it; it may be called as often as one likes. Without `has_lines` only a terminal sees it."""
    with _bar(title) if sys.stderr.isatty() else _lines(title, is_quiet=not has_lines) as show:
        yield show


@contextmanager
def _bar(title: str) -> Iterator[Show]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = TextColumn(title), BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}")
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total, text: bar.update(task, completed=done, total=total, description=text)


@contextmanager
def _lines(title: str, *, is_quiet: bool) -> Iterator[Show]:
    printed = 0

    def show(done: float, total: float, text: str) -> None:
        nonlocal printed
        tenth = int(LINES * done / total) if total else 0
        if tenth > printed and not is_quiet:
            printed = tenth
            typer.echo(f"{title}: {100 * tenth // LINES} %" + (f", {text}" if text else ""), err=True)

    yield show
