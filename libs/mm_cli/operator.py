"""`crypto-mm halt, reduce, resume, flatten, set, status, sql`: the operator's side of a running session.

`resume --session DIR` of a session that does not run resumes it: `mm_cli.resume`.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from mm_cli.options import SalvageOption
from mm_cli.summary import as_text, status_rows
from mm_core.types import Command, InputError

SymbolOption = Annotated[str, typer.Option("--symbol", help="Which session, where more than one runs.")]
SessionOption = Annotated[str, typer.Option("--session", help="Name or folder of the session, instead of its symbol.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")]
FORMATS = {"table": "PrettyCompact", "json": "JSONEachRow", "csv": "CSVWithNames", "tsv": "TabSeparatedWithNames"}


def halt(symbol: SymbolOption = "", session: SessionOption = "") -> None:
    """Stop trading: every open order is cancelled and none is let through until `resume`."""
    _command(symbol, session, Command.HALT)


def reduce(symbol: SymbolOption = "", session: SessionOption = "") -> None:
    """Let only orders through that make the position smaller, until `resume`."""
    _command(symbol, session, Command.REDUCE)


def resume(
    symbol: SymbolOption = "",
    session: SessionOption = "",
    salvage: SalvageOption = False,
    as_json: JsonOption = False,
) -> None:
    """Trade again; the loss so far no longer counts against the limits. Or go on with a session that failed.

    With the folder of a session that does not run any more, because it failed, was killed or interrupted before its log
    was closed: start its services again, on its log, and go on to its end as `paper` does.
    """
    from mm_session.sessions import chosen
    from mm_store.session_file import NAME

    if session and (Path(session) / NAME).is_file() and not chosen(session=session):
        from mm_cli.resume import go_on

        go_on(Path(session), salvage=salvage, as_json=as_json)
        return
    if salvage or as_json:
        raise InputError("--salvage, --json: of a session that is resumed; expected --session with its folder")
    _command(symbol, session, Command.RESUME)


def flatten(symbol: SymbolOption = "", session: SessionOption = "") -> None:
    """Cancel every order and trade the position to zero; quotes come back with `resume`."""
    _command(symbol, session, Command.FLATTEN)


def set_(
    setting: Annotated[str, typer.Argument(help="section.key=value, such as risk.position_max_base=0.02.")],
    symbol: SymbolOption = "",
    session: SessionOption = "",
) -> None:
    """Change a limit or a parameter of the running session."""
    from mm_core.setup.config import to_config
    from mm_core.setup.settings import check_setting

    key, equals, value = setting.partition("=")
    if not (equals and "." in key):
        raise InputError(f"set {setting}: expected section.key=value, such as risk.position_max_base=0.02")
    from mm_session.sessions import the_session

    found = the_session(symbol, session)
    check_setting(to_config(found.config), found.instrument, key.strip(), value.strip())
    _command(symbol, session, Command.SET, key.strip(), value.strip())


def status(symbol: SymbolOption = "", session: SessionOption = "", as_json: JsonOption = False) -> None:
    """Show the services of the running sessions and how far each one is."""
    import msgspec

    from mm_session.requests import services
    from mm_session.sessions import chosen

    answers = [services(each) for each in chosen(symbol, session)]
    if as_json:
        typer.echo(msgspec.json.encode(answers).decode())
    elif not answers:
        typer.echo("no session runs on this machine")
    else:
        for answer in answers:
            _show(answer)


def sql(
    statement: Annotated[str, typer.Argument(help="One reading statement, such as 'SELECT count() FROM fills'.")],
    session: Annotated[
        str,
        typer.Option(help="Name or folder of one that runs, or folder of one that does not; else the one that runs."),
    ] = "",
    symbol: SymbolOption = "",
    form: Annotated[str, typer.Option("--format", help="table, json, csv or tsv.")] = "table",
) -> None:
    """Ask the ClickHouse of a session. Reading only: no other statement, no file, no network."""
    if form not in FORMATS:
        raise InputError(f"--format {form}: expected {', '.join(FORMATS)}")
    from mm_session.sessions import chosen

    is_folder = bool(session) and Path(session).is_dir() and not chosen(session=session)
    answer = (
        _query_folder(Path(session), statement, form) if is_folder else _query_running(symbol, session, statement, form)
    )
    typer.echo(answer, nl=not answer.endswith("\n"))


def _command(symbol: str, name: str, command: Command, key: str = "", value: str = "") -> None:
    from mm_session.operator import send
    from mm_session.requests import with_bus
    from mm_session.sessions import the_session

    session = the_session(symbol, name)
    seq = with_bus(session, lambda bus: send(bus, session.group, command, key, value))
    what = f" {key}={value}" if key else ""
    typer.echo(f"{command.name.lower()}{what}: on the log of {session.instrument_id} at {seq}")


def _show(answer: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    pid = f"pid {answer['pid']}" if answer["pid"] else "in containers"
    typer.echo(f"{answer['name'] or answer['instrument_id']}, {pid}, {answer['folder']}")
    typer.echo(as_text(status_rows(answer["services"])))
    table = Table()
    for column in ("service", "state", "at", "restarts", "metrics"):
        table.add_column(column)
    for name, status in answer["services"].items():
        restarts = str(answer["restarts"].get(name, ""))
        if status is None:
            table.add_row(name, "no answer", "", restarts, "")
            continue
        at = next((f"{status[key]:,}" for key in ("last_seq", "stored_seq", "next_seq", "frames") if key in status), "")
        host = "127.0.0.1" if answer["pid"] else name
        table.add_row(
            name, "ended" if status.get("ended") else "runs", at, restarts, f"{host}:{status['metrics_port']}/metrics"
        )
    Console().print(table)


def _query_running(symbol: str, name: str, statement: str, form: str) -> str:
    from mm_session.requests import query_store
    from mm_session.sessions import the_session

    return query_store(the_session(symbol, name), statement, FORMATS[form])


def _query_folder(folder: Path, statement: str, form: str) -> str:
    from mm_store.clickhouse.query import read_only
    from mm_store.clickhouse.store import open_reader

    path = folder / "clickhouse"
    if not path.is_dir():
        raise InputError(f"--session {folder}: no clickhouse in it; expected the folder of a session on the bus")
    return read_only(open_reader(path), statement, FORMATS[form]).decode(errors="replace")
