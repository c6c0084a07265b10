"""A recording through the product in each way: in one process, by services over the bus, imported and backtested."""

import contextlib
import io
import json
import sys
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any
from unittest import mock

from tests.cases.cases import Case

from mm_cli.app import main
from mm_core.events import Event
from mm_store.log_read import read_log

WAYS = ("memory", "services", "backtest")


class Outcome:
    """How a run ended: exit code, what it printed, its summary, and its log where it has one."""

    def __init__(self, code: int, out: str, err: str, session: Path) -> None:
        self.code = code
        self.err = err
        self.session = session
        lines = out.strip().splitlines()
        self.summary: dict[str, Any] = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}

    @cached_property
    def log(self) -> list[Event]:
        """The events of the session's log, in order."""
        return list(read_log(self.session))

    def of(self, *kinds: type[Event]) -> list[Any]:
        """The events of some kinds."""
        return [event for event in self.log if isinstance(event, kinds)]


def run(way: str, case: Case, recording: Path, folder: Path) -> Outcome:
    """Run a case in one of the ways; its files go to `folder`."""
    settings = [argument for setting in case.settings for argument in ("--set", setting)]
    options = [str(recording.parent / each) if each == "exchange_info.json" else each for each in case.options]
    out = folder / way
    if way == "backtest":
        return _imported(case, recording, folder, options, settings)
    bus = "memory" if way == "memory" else "nats"
    arguments = ["paper", "--symbol", case.symbol, "--source", f"replay:{recording}", "--bus", bus, "--json"]
    return _command([*arguments, "--out", str(out), *options, *settings], out)


def _imported(case: Case, recording: Path, folder: Path, options: Sequence[str], settings: Sequence[str]) -> Outcome:
    data, out = folder / "data", folder / "backtest"
    arguments = ["import", "--symbol", case.symbol, "--out", str(data), "--json", *options, str(recording)]
    imported = _command(arguments, out)
    if imported.code == 2 or not imported.summary.get("days"):
        return imported
    days = imported.summary["days"]
    named = ["--data", str(data), "--symbol", case.symbol, "--day", f"{days[0]}..{days[-1]}"]
    done = _command(["backtest", *named, "--out", str(out), "--json", *settings], out)
    done.code = done.code or imported.code
    done.summary["import"] = imported.summary
    return done


def _command(arguments: Sequence[str], session: Path) -> Outcome:
    """The command line in this process."""
    out, err = io.StringIO(), io.StringIO()
    code = 0
    with (
        mock.patch.object(sys, "argv", ["crypto-mm", *arguments]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
    return Outcome(code, out.getvalue(), err.getvalue(), session)
