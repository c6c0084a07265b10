"""The sessions that run on this machine: how `status`, `halt`, `sql` and the like find them and log in to their bus."""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from mm_bus.login import Login, login_of
from mm_bus.nats_server import SECRETS
from mm_bus.settings import BusSettings
from mm_core.events import InstrumentDefined
from mm_core.types import InputError, UnavailableError
from mm_service.state_folder import STATE_VARIABLE, state_folder
from mm_session import session_lock
from mm_store import session_file
from mm_store.atomic import replacing
from mm_wire.subjects import OPERATOR

log = logging.getLogger(__name__)

BUS = "bus"  # the folder of a session's own nats-server


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """A session that runs: its name, process, bus, what it trades by which configuration, and where its files are.

    One whose services are containers has no process, `pid` 0, and is listed as long as its files are there.
    """

    pid: int
    url: str
    group: str
    instrument: InstrumentDefined
    config: dict[str, Any]
    folder: str
    started_ns: int
    name: str = ""
    restarts: dict[str, int] = {}  # of its services, which its command had to start again

    @property
    def instrument_id(self) -> str:
        """Name of what it trades."""
        return self.instrument.instrument_id

    @property
    def is_alive(self) -> bool:
        """False once its command has ended, whichever process has its id now."""
        return not self.pid or (session_lock.is_locked(Path(self.folder)) and _exists(self.pid))

    def login(self, given: BusSettings) -> Login:
        """Who the operator is on its bus: by the secrets in its folder, or by `[bus]` where the bus is not its own."""
        own = Path(self.folder) / BUS / SECRETS
        return login_of(BusSettings(password_file=str(own)) if self.pid and own.is_dir() else given, OPERATOR)


@contextmanager
def listed(session: Running) -> Iterator[Callable[[Running], None]]:
    """List a session while the block runs; give what lists it anew. InputError if the list cannot be written."""
    path = state_folder() / f"{session.pid}.json"
    try:
        _list(path, session)
    except InputError as error:
        raise InputError(f"{error}, see {STATE_VARIABLE}") from error
    try:
        yield lambda changed: _list_again(path, changed)
    finally:
        with suppress(OSError):  # it is found dead then, and cleared away
            path.unlink(missing_ok=True)


def _list(path: Path, session: Running) -> None:
    with replacing(path) as temporary:  # a reader of the list finds it complete, or not at all
        temporary.write_bytes(msgspec.json.encode(session))


def _list_again(path: Path, session: Running) -> None:
    try:
        _list(path, session)
    except UnavailableError as error:  # a full disk, which ends no session
        log.warning("%s", error)


def running() -> list[Running]:
    """The sessions that run now, oldest first.

    What a killed one left in the list is cleared away, with a warning that names `resume`. A file that is no
    entry is left out, with a warning.
    """
    sessions = []
    for path in sorted(state_folder().glob("*.json")):
        session = _read(path)
        if session is None:
            continue
        if session.is_alive:
            sessions.append(session)
            continue
        with suppress(OSError):
            path.unlink(missing_ok=True)
        if (Path(session.folder) / session_file.NAME).exists():
            log.warning("%s was killed: crypto-mm resume --session %s", session.name, session.folder)
    return sorted(sessions, key=lambda session: session.started_ns)


def _read(path: Path) -> Running | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Running)
    except FileNotFoundError:  # it has ended just now
        return None
    except (OSError, msgspec.DecodeError) as error:
        log.warning("%s: left out: %s; expected the entry of a session", path, error)
        return None


def chosen(symbol: str = "", session: str = "") -> list[Running]:
    """The sessions that run of a symbol, or with a name or folder; all without either."""
    return [
        each
        for each in running()
        if (not symbol or each.instrument_id.endswith(f".{symbol}")) and (not session or _is(each, session))
    ]


def the_session(symbol: str = "", session: str = "") -> Running:
    """The one session that is `chosen`. InputError if there is none, or more than one."""
    found = chosen(symbol, session)
    if len(found) == 1:
        return found[0]
    if not found:
        what = f"session of {symbol}" if symbol else f"session {session}" if session else "session"
        raise InputError(f"no {what} runs on this machine; expected one started by `crypto-mm paper`")
    names = ", ".join(each.name or each.instrument_id for each in found)
    raise InputError(f"{len(found)} sessions run: {names}; expected --session or --symbol to choose one")


def _is(running_session: Running, name_or_folder: str) -> bool:
    """Whether a session has that name, or that folder."""
    if running_session.name == name_or_folder:
        return True
    return Path(name_or_folder).resolve() == Path(running_session.folder).resolve()


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
