"""The session folder: what a backtest or a paper session leaves on disk (README has the table of files).

Every file appears when it is complete; `manifest.json` comes last and records whether the run was complete.
"""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from platform import machine, python_version
from typing import Any

import msgspec

from mm_core.compiled import CORE_DIGEST, PLATFORM
from mm_core.events import InstrumentDefined
from mm_core.setup.config import Config
from mm_research.recording import Recording
from mm_research.report import Report
from mm_research.table_writer import TableWriter
from mm_store.atomic import replacing
from mm_store.session_file import digest

_VERSIONS = ("crypto-mm", "llvmlite", "msgspec", "numba", "numpy", "pyarrow")


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """What a session folder records besides its tables. `command` names the kind of run, `inputs` the files it read.

    `complete` is false where the run was interrupted: the tables then hold what was done until then.
    """

    command: str
    config: Config
    instrument: InstrumentDefined
    inputs: Sequence[Path] = ()
    complete: bool = True


def check_folder(folder: Path) -> None:
    """Make the folder before a long run. InputError if it cannot be written to."""
    with replacing(folder / "manifest.json.check") as probe:
        probe.touch()
    (folder / "manifest.json.check").unlink()


def write_session(folder: Path, session: Session, recording: Recording, summary: Mapping[str, Any]) -> None:
    """Write all files of a session in one piece; `summary` is the object that the command prints, plus what this adds.

    InputError if the folder cannot be written.
    """
    report, tables = Report(session.instrument, session.config), TableWriter(folder)
    tables.take(recording, report.take(recording))
    tables.close()
    write_about(folder, session, summary, report.more())


def write_about(folder: Path, session: Session, summary: Mapping[str, Any], more: Mapping[str, Any]) -> None:
    """Write summary and manifest, the last files of a session. InputError if the folder cannot be written."""
    _write_json(folder / "summary.json", {**summary, "complete": session.complete, **more})
    _write_json(folder / "manifest.json", manifest(session))


def manifest(session: Session) -> dict[str, Any]:
    """What the run was made of: equal manifests give equal tables, byte for byte."""
    return {
        "command": session.command,
        "complete": session.complete,
        "core_digest": CORE_DIGEST,
        "platform": PLATFORM,
        "config": {name: msgspec.to_builtins(getattr(session.config, name)) for name in Config.__struct_fields__},
        "clock_offset_ns": session.config.clock.offset_ns,
        "instrument": msgspec.to_builtins(session.instrument),
        "inputs": [{"file": path.name, "sha256": digest(path)} for path in session.inputs],
        "versions": {"python": python_version(), "machine": machine()} | {name: version(name) for name in _VERSIONS},
    }


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    with replacing(path) as temporary:
        temporary.write_bytes(msgspec.json.format(msgspec.json.encode(content)) + b"\n")
