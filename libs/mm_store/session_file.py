"""`session.json` of a session's folder: its specification, all that is needed to resume it."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from mm_core.events import InstrumentDefined
from mm_core.types import InputError
from mm_store.atomic import replacing

NAME = "session.json"
MODE = 0o600
_READ_BYTES = 1 << 20


class Input(msgspec.Struct, frozen=True, kw_only=True):
    """A recording that a session reads: its path, and the digest of its content."""

    path: str
    sha256: str


class SessionFile(msgspec.Struct, frozen=True, kw_only=True):
    """The specification of a session.

    `config` are the sections of what is decided, `runtime` the others; both complete, with what files, environment and
    options set. `source` is live, replay or paced; `duration_ns` of market time, 0: to the end; `speed` 0: at most.
    `platform`: what `core_digest` was compiled by and for; it may change on the way.
    """

    name: str
    command: str
    core_digest: str
    platform: str = ""
    instrument: InstrumentDefined
    config: dict[str, Any]
    runtime: dict[str, Any]
    source: str
    inputs: list[Input]
    speed: float = 0.0
    duration_ns: int = 0
    salvage: bool = False
    begun_ns: int = 0
    tick_source: str = ""
    lot_source: str = ""
    notes: list[str] = []

    def check(self, folder: Path, core_digest: str) -> None:
        """InputError unless this program and the recordings are those that the session began with."""
        if self.core_digest != core_digest:
            raise InputError(
                f"{folder}: the session was begun by another version of what decides ({self.core_digest[:12]}, not "
                f"{core_digest[:12]}); expected the one that began it, or a new session"
            )
        for each in self.inputs:
            if digest(Path(each.path)) != each.sha256:
                raise InputError(f"{each.path}: not what the session {folder} has read so far; expected the same file")


def inputs_of(paths: Sequence[Path]) -> list[Input]:
    """The recordings of a session with their digests."""
    return [Input(path=str(path.resolve()), sha256=digest(path)) for path in paths]


def digest(path: Path) -> str:
    """SHA-256 of a file, in hex. InputError if it cannot be read."""
    sha = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while part := file.read(_READ_BYTES):
                sha.update(part)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}; expected the recording that the run has read") from error
    return sha.hexdigest()


def write_session_file(folder: Path, session: SessionFile) -> None:
    """Write it completely or not at all. InputError if the folder cannot be written."""
    with replacing(folder / NAME) as path:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(session)) + b"\n")
        path.chmod(MODE)


def read_session_file(folder: Path) -> SessionFile:
    """The specification. InputError for a folder without it, or with a damaged one."""
    path = folder / NAME
    try:
        return msgspec.json.decode(path.read_bytes(), type=SessionFile)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}; expected the folder of a session on the bus") from error
    except msgspec.DecodeError as error:
        raise InputError(f"{path}: {error}; expected what `crypto-mm paper` writes there") from error
