"""Who a process is on the bus: user and password from a file, or a NATS credentials file, or nobody."""

from pathlib import Path
from typing import Any

import msgspec

from mm_bus.settings import BusSettings
from mm_core.types import InputError


class Login(msgspec.Struct, frozen=True):
    """How a process logs in. A user's replies come to an inbox that no other user may subscribe to."""

    user: str = ""
    password: str = ""
    credentials_file: str = ""

    def options(self) -> dict[str, Any]:
        """The login as nats-py takes it."""
        if self.credentials_file:
            return {"user_credentials": self.credentials_file}
        if self.user:
            return {"user": self.user, "password": self.password, "inbox_prefix": inbox(self.user)}
        return {}


NOBODY = Login()
INBOX = "_INBOX."  # of the requesting user: a service subscribes there only to replies to its own requests


def inbox(user: str) -> str:
    """Where the replies to a user come."""
    return f"{INBOX}{user}"


def login_of(bus: BusSettings, name: str) -> Login:
    """The login that `[bus]` names for the process `name`. InputError for a password that is missing or empty."""
    user = bus.user or name
    if not bus.password_file:
        if bus.user:
            raise InputError(f"[bus] user {user}: no password; expected its file in [bus] password_file")
        return Login(credentials_file=bus.credentials_file)
    path = Path(bus.password_file)
    path = path / user if path.is_dir() else path
    try:
        password = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"[bus] password_file {path}: {reason}; expected the password of user {user}") from error
    if not password:
        raise InputError(f"[bus] password_file {path}: empty; expected the password of user {user}")
    return Login(user, password)
