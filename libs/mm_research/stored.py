"""What a session folder says about its run: `manifest.json` and `summary.json` read back."""

from pathlib import Path
from typing import Any, TypeVar

import msgspec

from mm_core.events import InstrumentDefined
from mm_core.setup.config import Config, to_config
from mm_core.types import InputError
from mm_store.log_read import LOG, has_log

T = TypeVar("T")


class _Manifest(msgspec.Struct):
    command: str
    core_digest: str
    config: dict[str, Any]
    instrument: InstrumentDefined


class _Summary(msgspec.Struct):
    digests: dict[str, str]
    first_ns: int | None = None
    last_ns: int | None = None


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A session as its folder tells it. Times: its first and last decision, ns; null without any."""

    folder: Path
    command: str
    core_digest: str
    config: Config
    instrument: InstrumentDefined
    digests: dict[str, str]
    first_ns: int | None
    last_ns: int | None


def read_stored(folder: Path) -> Stored:
    """The session of a folder that has a log. InputError if it is none, is damaged, or has no log to read."""
    manifest = _read(folder / "manifest.json", _Manifest)
    summary = _read(folder / "summary.json", _Summary)
    if not has_log(folder):
        raise InputError(
            f"{folder}: a session of `{manifest.command}` without {LOG}; expected one with a log, such as paper's"
        )
    try:
        config: Config = to_config(manifest.config)
    except InputError as error:
        raise InputError(f"{folder / 'manifest.json'}: {error}") from error
    return Stored(
        folder=folder,
        command=manifest.command,
        core_digest=manifest.core_digest,
        config=config,
        instrument=manifest.instrument,
        digests=summary.digests,
        first_ns=summary.first_ns,
        last_ns=summary.last_ns,
    )


def _read(path: Path, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; expected a session folder") from error
    except msgspec.DecodeError as error:
        raise InputError(f"{path}: {error}; expected the file of a session") from error
