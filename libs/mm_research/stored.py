"""What a session folder records about its run: `manifest.json` and `summary.json` read back.

A session that has not ended has neither: `session.json`, written at its start, records the same.
"""

from pathlib import Path
from typing import Any, TypeVar

import msgspec

from mm_core.events import InstrumentDefined
from mm_core.setup.config import Config, to_config
from mm_core.types import InputError
from mm_store.log_read import LOG, has_log

T = TypeVar("T")


MANIFEST, SUMMARY, BEGUN = "manifest.json", "summary.json", "session.json"


class _Input(msgspec.Struct):
    path: str = ""  # in session.json only


class _Manifest(msgspec.Struct):
    command: str
    core_digest: str
    config: dict[str, Any]
    instrument: InstrumentDefined
    platform: str = ""
    inputs: list[_Input] = []


class _Summary(msgspec.Struct):
    digests: dict[str, str]
    first_ns: int | None = None
    last_ns: int | None = None


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A session as its folder records it. Times: its first and last decision, ns; null without any.

    `digests` is None of a session without a summary; `inputs` are the recordings of one without a manifest.
    """

    folder: Path
    command: str
    core_digest: str
    platform: str
    config: Config
    instrument: InstrumentDefined
    digests: dict[str, str] | None
    first_ns: int | None
    last_ns: int | None
    inputs: list[Path] = []


def read_stored(folder: Path) -> Stored:
    """The session of a folder that has a log. InputError if it is none, is damaged, or has no log to read."""
    begun, path = folder / BEGUN, folder / MANIFEST
    path = begun if begun.is_file() and not path.exists() else path
    manifest = _read(path, _Manifest)
    is_over = (folder / SUMMARY).is_file()
    summary = _read(folder / SUMMARY, _Summary) if is_over else _Summary(digests={})
    if not has_log(folder):
        raise InputError(
            f"{folder}: a session of `{manifest.command}` without {LOG}; expected one with a log, such as paper's"
        )
    try:
        config: Config = to_config(manifest.config)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    return Stored(
        folder=folder,
        command=manifest.command,
        core_digest=manifest.core_digest,
        platform=manifest.platform,
        config=config,
        instrument=manifest.instrument,
        digests=summary.digests if is_over else None,
        first_ns=summary.first_ns,
        last_ns=summary.last_ns,
        inputs=[Path(each.path) for each in manifest.inputs if each.path],
    )


class _Group(msgspec.Struct, frozen=True):
    group: str = "main"


class _Runtime(msgspec.Struct, frozen=True):
    bus: _Group = _Group()


class _Begun(msgspec.Struct, frozen=True):
    runtime: _Runtime = _Runtime()


def group_of(folder: Path) -> str:
    """The group of a session's bus, as its folder records it."""
    path = folder / BEGUN
    return _read(path, _Begun).runtime.bus.group if path.is_file() else _Group().group


def _read(path: Path, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; expected a session folder") from error
    except msgspec.DecodeError as error:
        raise InputError(f"{path}: {error}; expected the file of a session") from error
