"""The operator's command to a running session: a root of its own, acked when the log holds it."""

import uuid

import msgspec

from mm_bus.bus import OUTAGES, Bus
from mm_bus.roots import Roots
from mm_core.events import OperatorCommand
from mm_core.types import Command, InputError
from mm_wire.codec import encode
from mm_wire.subjects import CONSOLE, root_subject

REPLY_S = 2.0
TRIES = 5


async def send(bus: Bus, group: str, command: Command, key: str = "", value: str = "") -> int:
    """Put a command on the log; its sequence there. InputError without an ack.

    The same command is sent again while no ack comes; the sequencer takes it once.
    """
    source = f"{CONSOLE}.{uuid.uuid4().hex}"
    root = OperatorCommand(ts_ns=0, command=command, key=key, value=value)
    data = msgspec.msgpack.encode(Roots(source, 1, [encode(root)]))
    for _ in range(TRIES):
        try:
            reply = await bus.client.request(root_subject(group, source), data, timeout=REPLY_S)
        except OUTAGES:
            continue
        ack = msgspec.json.decode(reply.data)
        if "error" in ack:
            raise InputError(f"{command.name.lower()}: {ack['error']}")
        return int(ack["seq"])
    raise InputError(f"{command.name.lower()}: no sequencer of group {group} answers; expected a session that runs")
