"""The command: registers one module per subcommand and turns errors into exit codes. See README.md."""

import logging
import os
import signal
import sys
from importlib.metadata import version
from typing import Annotated

import typer

from mm_cli import backtest, bench, check, deploy, export, import_, operator, paper, record, serve_replay, synth, verify
from mm_core.types import InputError, IntegrityError, UnavailableError
from mm_session.interrupt import INTERRUPTED, Interrupted

FAILED, BAD_INPUT = 1, 2

app = typer.Typer(
    name="crypto-mm",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _print_version(requested: bool) -> None:
    if requested:
        typer.echo(f"crypto-mm {version('crypto-mm')}")
        raise typer.Exit


@app.callback()
def root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Record, backtest and paper-trade crypto market making: one code decides in all of them.

    Exit code: 0 done, 1 it failed or a check did, 2 bad input or usage, 130 interrupted.
    """


app.command("backtest")(backtest.run)
app.command("bench")(bench.run)
app.command("check")(check.run)
app.add_typer(deploy.app, name="deploy")
app.command("export")(export.run)
app.command("flatten")(operator.flatten)
app.command("halt")(operator.halt)
app.command("import")(import_.run)
app.command("paper")(paper.run)
app.command("record")(record.run)
app.command("reduce")(operator.reduce)
app.command("resume")(operator.resume)
app.command("serve-replay")(serve_replay.run)
app.command("set")(operator.set_)
app.command("sql")(operator.sql)
app.command("status")(operator.status)
app.command("synth")(synth.run)
app.command("verify")(verify.run)


def main(commands: typer.Typer = app) -> None:
    """Run the command line of this process. Bad input becomes one `error:` line on stderr and exit code 2.

    So does what is away, or stored data that is not what was written, with exit code 1. Any other exception is a bug
    and shows its traceback.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:  # as `mm_cli.__main__` left it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    logging.getLogger("mm_bus.bus").setLevel(logging.ERROR)  # an outage is reported by what it does to the command
    try:
        if "NUMBA_CPU_NAME" in os.environ:  # else nothing of the compiler need be loaded here
            from mm_core.cpu import check_cpu

            check_cpu(os.environ["NUMBA_CPU_NAME"])
        commands(prog_name="crypto-mm")
    except InputError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(BAD_INPUT)
    except (IntegrityError, UnavailableError) as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(FAILED)
    except Interrupted as interrupted:
        typer.echo(str(interrupted), err=True)
        sys.exit(INTERRUPTED)
    except SystemExit as end:
        if end.code == INTERRUPTED:
            typer.echo("interrupted", err=True)
        raise
