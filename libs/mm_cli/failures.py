"""A command whose result does not hold: its lines on stderr, exit code 1."""

from collections.abc import Sequence

import typer

FAILED = 1


def fail_on(failures: Sequence[str]) -> None:
    """Print each line and exit; nothing without any."""
    for line in failures:
        typer.echo(f"failed: {line}", err=True)
    if failures:
        raise typer.Exit(FAILED)
