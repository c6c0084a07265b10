"""What another process of the same machine may try on the bus of a session, without the secrets of its users."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import nats.errors
from nats.aio.client import Client

from mm_bus.login import Login, inbox
from mm_bus.quick_client import QuickClient
from mm_bus.reports import Report
from mm_bus.roots import Roots
from mm_core import events as e
from mm_core.types import Command
from mm_wire import subjects as s
from mm_wire.codec import encode

ANSWER_S = 1.0
HALT = encode(e.OperatorCommand(ts_ns=0, command=Command.HALT))
# Who is nobody: no login, a stranger, users of the bus with passwords that are not theirs.
STRANGERS = [
    Login(),
    Login("stranger", "secret"),
    Login(s.SEQUENCER, "secret"),
    Login(s.OPERATOR, s.OPERATOR),
    Login(s.RECORDER, "0" * 48),
]


async def attack(url: str, group: str, login: Login) -> list[str]:
    """Everything that was possible on the bus at `url`; nothing, where not even a connection was."""
    client = QuickClient()  # what it publishes is on its way before a flush
    try:
        await client.connect(url, allow_reconnect=False, connect_timeout=2, error_cb=_quiet, **login.options())
    except (nats.errors.Error, OSError, TimeoutError):
        return []
    done = ["connect"]
    for name, trial in _trials(group).items():
        try:
            if await trial(client):
                done.append(name)
        except (nats.errors.Error, OSError, TimeoutError):
            continue
    await client.close()
    return done


async def _quiet(_: Exception) -> None:
    """What is refused is what is hoped for."""


def _trials(group: str) -> dict[str, Callable[[Client], Awaitable[Any]]]:
    log, states = s.stream(group), f"KV_{s.state_bucket(group)}"
    console = f"{s.CONSOLE}.1"
    calls: dict[str, tuple[str, bytes]] = {
        "read the log": (f"$JS.API.DIRECT.GET.{log}", b'{"seq": 1}'),
        "read a message": (f"$JS.API.STREAM.MSG.GET.{log}", b'{"seq": 1}'),
        "see the streams": ("$JS.API.STREAM.LIST", b""),
        "see the log": (f"$JS.API.STREAM.INFO.{log}", b""),
        "purge the log": (f"$JS.API.STREAM.PURGE.{log}", b'{"seq": 1}'),
        "delete a message": (f"$JS.API.STREAM.MSG.DELETE.{log}", b'{"seq": 999999999}'),
        "make a stream": ("$JS.API.STREAM.CREATE.X", b'{"name": "X", "subjects": ["x"]}'),
        "see the states": (f"$JS.API.STREAM.INFO.{states}", b""),
        "halt": (s.root_subject(group, console), msgspec.msgpack.encode(Roots(console, 1, [HALT]))),
        "request the status": (s.status_subject(group, s.RISK), b"null"),
        "query the store": (s.sql_subject(group), json.dumps({"sql": "SELECT 1", "format": "JSONEachRow"}).encode()),
        "end the session": (s.end_subject(group), b"null"),
        "put a state": (f"$KV.{s.state_bucket(group)}.x", b"x"),
        "write the log": (s.subject_of(group, e.Tick, ""), b"x"),
    }
    told = {
        "report for a node": (s.report_subject(group, s.RISK), msgspec.msgpack.encode(Report([(1, [])]))),
        "publish roots": (s.root_subject(group, s.RECORDER), msgspec.msgpack.encode(Roots(s.RECORDER, 9**9, []))),
        "request of a source": (s.ack_subject(group, s.RECORDER), b"\x94\x01\xc2\x01\x00"),
        "answer another": (f"{inbox(s.SEQUENCER)}.1", b""),
    }
    return {
        "receive everything": _receives,
        **{name: _publishes(*what) for name, what in told.items()},
        **{name: _requests(*what) for name, what in calls.items()},
    }


async def _receives(client: Client) -> bool:
    """Whether anything is received from a bus on which something happens."""
    subscription = await client.subscribe(">")
    try:
        await subscription.next_msg(timeout=ANSWER_S)
    except TimeoutError:
        return False
    return True


def _requests(subject: str, payload: bytes) -> Callable[[Client], Awaitable[bool]]:
    """Whether somebody answers a request, be it with an error of his own."""

    async def request(client: Client) -> bool:
        await client.request(subject, payload, timeout=ANSWER_S)
        return True

    return request


def _publishes(subject: str, data: bytes) -> Callable[[Client], Awaitable[bool]]:
    """Whether a message is taken, which the server shows by refusing it or not."""

    async def publish(client: Client) -> bool:
        refused = asyncio.Event()

        async def see(error: Exception) -> None:
            if subject.lower() in str(error).lower():
                refused.set()

        client._error_cb = see
        await client.publish(subject, data)
        await client.flush(timeout=int(ANSWER_S) + 1)
        return not refused.is_set()

    return publish
