"""`crypto-mm export`: tables, summary and manifest of a session from its log, wherever that is."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mm_core.types import InputError

if TYPE_CHECKING:
    from mm_research.export import Exported
    from mm_session.sessions import Running

MANIFEST = "manifest.json"


def run(
    session: Annotated[Path | None, typer.Option(help="Folder of a session that failed, was killed or ended.")] = None,
    group: Annotated[str, typer.Option(help="A running session, by the group of its bus; in containers: main.")] = "",
    out: Annotated[Path | None, typer.Option(help="New folder to write to; without one the session's own.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")] = False,
) -> None:
    """Write tables, summary and manifest of a session from its log, so that `verify` and notebooks can read it.

    Of a folder: what its bus holds behind its log on disk is appended first. Of a running session: its log up to now.
    Nothing that is there is written over.
    """
    import msgspec

    if (session is None) == (not group):
        raise InputError("export: expected --session <folder>, or --group <name> of a running session")
    if out is not None and out.exists() and any(out.iterdir()):
        raise InputError(f"--out {out}: is not empty; expected a new folder")
    summary = _of_folder(session, out) if session is not None else _of_group(group, out)
    typer.echo(msgspec.json.encode(summary).decode() if as_json else _text(summary))


def _of_folder(folder: Path, out: Path | None) -> dict[str, Any]:
    from mm_cli.summary import print_notes
    from mm_research.export import Exported, export
    from mm_research.stored import read_stored
    from mm_session.complete import complete
    from mm_store.log_read import read_records

    if out is None and (folder / MANIFEST).exists():
        raise InputError(f"{folder}: holds all files of its session; expected --out for another folder")
    print_notes(complete(folder))
    stored = read_stored(folder)
    about = Exported(command=stored.command, config=stored.config, instrument=stored.instrument, inputs=stored.inputs)
    return export(about, read_records(folder), out or folder, with_log=out is not None, progress=_show)


def _of_group(group: str, out: Path | None) -> dict[str, Any]:
    from mm_research.export import export
    from mm_session.copy_log import copy_running
    from mm_store.log_read import read_records

    if out is None:
        raise InputError("export --group: expected --out <new folder>")
    running = _running(group)
    copy_running(running, out)
    return export(_about(running), read_records(out), out, with_log=False, progress=_show)


def _running(group: str) -> "Running":
    from mm_session.sessions import running

    found = [each for each in running() if each.group == group]
    if not found:
        raise InputError(f"--group {group}: no such session runs here; expected one that `crypto-mm status` shows")
    return found[-1]


def _about(running: "Running") -> "Exported":
    from mm_core.setup.config import Config, to_config
    from mm_research.export import Exported

    config: Config = to_config(running.config)
    return Exported(command="paper", config=config, instrument=running.instrument)


def _show(seq: int, local_ns: int) -> None:
    from mm_research.activity import utc_text

    if seq % (1 << 20) == 0:
        typer.echo(f"export: {seq:,} records, {utc_text(local_ns)}", err=True)


def _text(summary: dict[str, Any]) -> str:
    from mm_cli.summary import activity_rows, as_text, result_rows

    rows = [*activity_rows(summary), *result_rows(summary)]
    return as_text([*rows, ("log", f"{summary['log_seq']:,} records"), ("session", summary["session"])])
