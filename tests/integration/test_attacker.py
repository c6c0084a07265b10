"""An attacker as another local process: on the bus of a session everything is refused, and the session is unharmed."""

import asyncio
import json
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.attack import STRANGERS, attack
from tests.integration.runtime.server import GROUP, Server
from tests.session import log_position, paper_command, session, summary_of

from mm_bus.login import Login
from mm_bus.permissions import server_config, users
from mm_session.sessions import Running
from mm_wire import subjects as s

PASSWORDS = {name: f"secret-{name}" for name in users(GROUP)}
SECONDS = 40
SPEED = 2
END_S = 240.0


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Server]:
    """A server with the users of the group."""
    (tmp_path / "bus").mkdir()
    server = Server(tmp_path / "bus", server_config(GROUP, PASSWORDS, str(tmp_path / "bus" / "data")))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def unguarded(tmp_path: Path) -> Iterator[Server]:
    """A server without users."""
    server = Server(tmp_path / "bus")
    server.start()
    yield server
    server.kill()


@pytest.mark.parametrize("login", STRANGERS, ids=lambda login: login.user or "no login")
def test_a_stranger_does_not_even_get_a_connection(guarded: Server, login: Login) -> None:
    assert asyncio.run(attack(guarded.url, GROUP, login)) == []


def test_on_a_bus_without_users_everything_would_be_possible(unguarded: Server) -> None:
    done = asyncio.run(attack(unguarded.url, GROUP, Login()))
    assert {
        "connect",
        "publish roots",
        "report for a node",
        "request of a source",
        "make a stream",
        "see the streams",
    } <= {*done}


@pytest.mark.parametrize(
    ("user", "possible"),
    [
        (s.RECORDER, {"publish roots", "request the status"}),
        pytest.param(s.ARCHIVER, {"read the log", "read a message", "see the log"}, marks=pytest.mark.slow),
        pytest.param(
            s.RISK, {"report for a node", "read a message", "see the log", "see the states"}, marks=pytest.mark.slow
        ),
    ],
)
def test_who_has_the_password_of_one_service_can_do_what_that_service_does(
    guarded: Server, user: str, possible: set[str]
) -> None:
    done = asyncio.run(attack(guarded.url, GROUP, Login(user, PASSWORDS[user])))
    assert {*done} <= {"connect"} | possible
    assert "connect" in done


def test_a_running_session_is_unharmed(tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = paper_command(out, "--speed", str(SPEED), "--duration", f"{SECONDS}s")
    with session(command, tmp_path / "state") as process:
        ends_s = time.monotonic() + END_S
        while log_position(out) < 100_000:
            assert process.poll() is None, process.communicate()[1][-2000:]
            assert time.monotonic() < ends_s, "the session does not begin"
            time.sleep(0.05)
        if not (out / "bus" / "secrets").is_dir():
            pytest.skip("the bus of a session has no users")
        done = [asyncio.run(attack(running(tmp_path / "state"), "main", login)) for login in STRANGERS]
        check_modes(out)
        summary = summary_of(process, END_S)
    assert done == [[]] * len(STRANGERS)
    command = paper_command(tmp_path / "memory", "--bus", "memory", "--duration", f"{SECONDS}s")
    with session(command, tmp_path / "state") as process:
        assert summary["digests"] == summary_of(process, END_S)["digests"]


def running(state: Path) -> str:
    """Where the bus of the session is."""
    [path] = state.glob("*.json")
    entry: dict[str, Any] = json.loads(path.read_bytes())
    assert "url" in Running.__struct_fields__
    return str(entry["url"])


def check_modes(out: Path) -> None:
    """Only its owner can read the secrets of a session's bus, and what the server stores."""
    secrets = out / "bus" / "secrets"
    for path in [secrets, *secrets.iterdir(), *(out / "bus").glob("*.conf")]:
        allowed = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == allowed, path
    assert 0o700 in [stat.S_IMODE(folder.stat().st_mode) for folder in (out, out / "bus")]
