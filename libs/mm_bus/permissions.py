"""Who may publish and subscribe to what on the bus: one user per service, each with the least that it needs.

Who may publish an event follows from `mm_wire` (`published_by`) and `topology`. The server enforces the
subjects; the sequencer refuses a type that is not the node's own. Nobody but the sequencer may write the log, make or
change a stream. Consumers are made by name of the stream only, and states are read wrapped in JSON, so that no reply of
the server to a subject of somebody's choice is a valid report.
"""

from collections.abc import Mapping

import msgspec

from mm_bus.login import inbox
from mm_bus.nats_server import CONFIG
from mm_bus.topology import INPUTS
from mm_wire import subjects as s

KV = "KV_"  # what JetStream calls the stream of a key-value store
OWN = "# Written by `crypto-mm deploy secrets` from mm_bus/permissions.py.\nhttp: 127.0.0.1:8222\n"
AUTHORIZATION = """\
authorization {{
  users: [
{users}
  ]
}}
"""


class User(msgspec.Struct, frozen=True, kw_only=True):
    """Subjects that a user may publish and subscribe to; besides, it may reply, and read its inbox."""

    outputs: list[str]
    inputs: list[str]


def users(group: str) -> dict[str, User]:
    """The users of a group's bus by their names, which are those of the services."""
    return {
        s.SEQUENCER: _sequencer(group),
        **{node: _node(group, node) for node in INPUTS},
        s.RECORDER: User(
            outputs=[s.root_subject(group, s.RECORDER), *(s.status_subject(group, node) for node in INPUTS)],
            inputs=[s.ack_subject(group, s.RECORDER), s.end_subject(group), s.status_subject(group, s.RECORDER)],
        ),
        s.ARCHIVER: User(outputs=_polls(group), inputs=[s.sql_subject(group), s.status_subject(group, s.ARCHIVER)]),
        s.OPERATOR: User(
            outputs=[
                *_polls(group),
                s.root_subject(group, f"{s.CONSOLE}.*"),
                s.status_subject(group, "*"),
                s.sql_subject(group),
                s.end_subject(group),
                *_api("STREAM.LEADER.STEPDOWN", s.stream(group)),
            ],
            inputs=[],
        ),
    }


def server_config(group: str, passwords: Mapping[str, str], store: str, sync_interval: str = "2m") -> str:
    """The configuration of a nats-server with these users; passwords must need no quoting."""
    given = {"authorization": authorization(group, passwords), "sync_interval": sync_interval}
    return CONFIG.format(own=OWN, listen="0.0.0.0:4222", name="crypto-mm", store=store, **given)


def authorization(group: str, passwords: Mapping[str, str]) -> str:
    """The users of a group's bus, as a part of a nats-server's configuration; passwords must need no quoting."""
    lines = [_line(name, user, passwords[name]) for name, user in users(group).items()]
    return AUTHORIZATION.format(users="\n".join(lines))


def _sequencer(group: str) -> User:
    stream, states = s.stream(group), f"{KV}{s.state_bucket(group)}"
    return User(
        outputs=[
            *s.log_subjects(group),
            s.writer_subject(group),
            s.ack_subject(group, ">"),
            s.resend_subject(group),
            *_api("STREAM.CREATE", stream, states),
            *_api("STREAM.INFO", stream, states),
            *_api("STREAM.MSG.GET", stream, states),
            *_api("STREAM.PURGE", stream),
            f"$KV.{s.state_bucket(group)}.*",  # its own place; a state ahead of a restored log is given up
            s.status_subject(group, s.ARCHIVER),
        ],
        inputs=[
            s.root_subject(group, ">"),
            s.report_subject(group, "*"),
            s.status_subject(group, s.SEQUENCER),
        ],
    )


def _node(group: str, node: str) -> User:
    states = f"{KV}{s.state_bucket(group)}"
    return User(
        outputs=[
            s.report_subject(group, node),
            *_reads(group),
            *_api("STREAM.INFO", states),
            *_api("STREAM.MSG.GET", states),
            f"$KV.{s.state_bucket(group)}.{node}",
        ],
        inputs=[s.resend_subject(group), s.status_subject(group, node)],
    )


def _reads(group: str) -> list[str]:
    """What the log's readers request from the server: its info, single messages, a consumer and its flow control."""
    stream = s.stream(group)
    calls = ("STREAM.INFO", "STREAM.MSG.GET", "DIRECT.GET", "CONSUMER.CREATE")
    return [*(subject for call in calls for subject in _api(call, stream)), f"$JS.FC.{stream}.>"]


def _polls(group: str) -> list[str]:
    """What readers in batches request from the server."""
    stream = s.stream(group)
    return [subject for call in ("STREAM.INFO", "STREAM.MSG.GET", "DIRECT.GET") for subject in _api(call, stream)]


def _api(call: str, *streams: str) -> list[str]:
    return [f"$JS.API.{call}.{stream}" for stream in streams]


def _line(name: str, user: User, password: str) -> str:
    """One user in the server's configuration, which takes JSON."""
    entry = {
        "user": name,
        "password": password,
        "permissions": {
            "publish": user.outputs,
            "subscribe": [f"{inbox(name)}.>", *user.inputs],
            "allow_responses": True,
        },
    }
    return f"    {msgspec.json.encode(entry).decode()}"
