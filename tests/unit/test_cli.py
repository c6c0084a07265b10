"""The shell of the command line: help, version, exit codes, and a cheap start."""

import subprocess
import sys

import pytest
import typer

from mm_cli.app import app, main
from mm_core.types import InputError


def run(monkeypatch: pytest.MonkeyPatch, commands: typer.Typer, *args: str) -> object:
    """Run a command line in this process and return its exit code."""
    monkeypatch.setattr(sys, "argv", ["crypto-mm", *args])
    with pytest.raises(SystemExit) as end:
        main(commands)
    return end.value.code


def failing(error: BaseException) -> typer.Typer:
    """Commands of which the only one raises `error`."""
    commands = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)

    @commands.command()
    def fail() -> None:
        raise error

    return commands


def test_version_names_the_distribution(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, app, "--version") == 0
    assert capsys.readouterr().out == "crypto-mm 0.1.0\n"


def test_every_command_has_help(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    commands = [command.name for command in app.registered_commands]
    for args in [[], *([name] for name in commands if name)]:
        assert run(monkeypatch, app, *args, "--help") == 0
        assert f"Usage: crypto-mm {' '.join(args)}".rstrip() in capsys.readouterr().out


def test_usage_errors_exit_with_2(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, app, "no-such-command") == 2
    assert "No such command 'no-such-command'" in capsys.readouterr().err


def test_bad_input_is_one_line_and_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, failing(InputError("day 2024: expected YYYYMMDD")), *[]) == 2
    assert capsys.readouterr() == ("", "error: day 2024: expected YYYYMMDD\n")


def test_an_interrupt_ends_with_a_line_and_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, failing(KeyboardInterrupt())) == 130
    assert capsys.readouterr() == ("", "interrupted\n")


def test_a_bug_is_not_taken_for_bad_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["crypto-mm"])
    with pytest.raises(ZeroDivisionError):
        main(failing(ZeroDivisionError()))


def test_a_failed_check_exits_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, failing(typer.Exit(1))) == 1


def test_the_module_runs_and_importing_it_loads_nothing_heavy() -> None:
    shown = subprocess.run([sys.executable, "-m", "mm_cli", "--help"], capture_output=True, text=True, check=True)
    assert "Usage: crypto-mm" in shown.stdout
    heavy = "import sys, mm_cli.app; print(*{'numba', 'numpy', 'pyarrow', 'scipy', 'nats'} & sys.modules.keys())"
    loaded = subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == []
