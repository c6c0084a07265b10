"""The sessions that run on this machine: how `status`, `halt`, `sql` and the like find them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import platformdirs

from mm_core.events import InstrumentDefined
from mm_core.types import InputError
from mm_store.atomic import replacing

STATE_VARIABLE = "MM_STATE_DIR"


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """A session that runs: its process, its bus, what it trades by which configuration, and where its files are.

    One whose services are containers has no process, `pid` 0, and is listed as long as its files are there.
    """

    pid: int
    url: str
    group: str
    instrument: InstrumentDefined
    config: dict[str, Any]
    folder: str
    started_ns: int

    @property
    def instrument_id(self) -> str:
        """Name of what it trades."""
        return self.instrument.instrument_id


def state_folder() -> Path:
    """Where running sessions are listed: MM_STATE_DIR, or the user's state folder."""
    given = os.environ.get(STATE_VARIABLE)
    return Path(given) if given else Path(platformdirs.user_state_dir("crypto-mm"))


@contextmanager
def listed(session: Running) -> Iterator[None]:
    """List a session while the block runs. InputError if the list cannot be written."""
    path = state_folder() / f"{session.pid}.json"
    try:
        with replacing(path) as temporary:  # who lists the sessions meanwhile finds it whole, or not at all
            temporary.write_bytes(msgspec.json.encode(session))
    except InputError as error:
        raise InputError(f"{error}, see {STATE_VARIABLE}") from error
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def running() -> list[Running]:
    """The sessions that run now, oldest first; what a killed one left behind is cleared away."""
    sessions = []
    for path in state_folder().glob("*.json"):
        session = _read(path)
        if _is_alive(session.pid):
            sessions.append(session)
        else:
            path.unlink(missing_ok=True)
    return sorted(sessions, key=lambda session: session.started_ns)


def _read(path: Path) -> Running:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Running)
    except (OSError, msgspec.DecodeError) as error:
        raise InputError(f"{path}: {error}; expected the entry of a session, or no such file") from error


def the_session(symbol: str = "") -> Running:
    """The one session that runs, or the one of `symbol`. InputError if there is none, or more than one."""
    found = [session for session in running() if not symbol or session.instrument_id.endswith(f".{symbol}")]
    if len(found) == 1:
        return found[0]
    if not found:
        what = f"session of {symbol}" if symbol else "session"
        raise InputError(f"no {what} runs on this machine; expected one started by `crypto-mm paper`")
    names = ", ".join(session.instrument_id for session in found)
    raise InputError(f"{len(found)} sessions run: {names}; expected --symbol to choose one")


def _is_alive(pid: int) -> bool:
    if not pid:
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
