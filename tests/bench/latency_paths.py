"""What the real and the bare chain have in common: how they are driven, and what their logs tell."""

from collections.abc import AsyncIterator
from typing import Any, NamedTuple, Protocol

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

READ_S = 10.0


class Paths(NamedTuple):
    """What one chain did: ns from root to end of each path, the same in parts, and counts per root."""

    total_ns: Any
    parts_ns: dict[str, Any]
    per_root: dict[str, float]


class Chain(Protocol):
    """A chain that can be driven."""

    name: str
    processes: list[str]

    async def send(self, moves: bool) -> None:
        """Say one root; `moves` if it is to lead to the end of a path."""

    def backlog(self) -> int:
        """Roots that are not known to be through."""

    async def settle(self) -> int:
        """Wait until everything is through; the last sequence of the log."""

    async def paths(self, after_seq: int) -> Paths:
        """What the log holds behind `after_seq`."""


class Stored(NamedTuple):
    """One message of a stream and when the server stored it, ns of the wall clock."""

    seq: int
    time_ns: int
    message: Msg


async def read_stream(client: Client, name: str, after_seq: int, last_seq: int) -> AsyncIterator[Stored]:
    """The messages of a stream behind `after_seq` up to `last_seq`."""
    inbox = client.new_inbox()
    subscription = await client.subscribe(inbox, pending_msgs_limit=-1, pending_bytes_limit=-1)
    start: dict[str, Any] = {"deliver_policy": DeliverPolicy.BY_START_SEQUENCE, "opt_start_seq": after_seq + 1}
    config = ConsumerConfig(deliver_subject=inbox, ack_policy=AckPolicy.NONE, mem_storage=True, **start)
    await client.jetstream().add_consumer(name, config)
    seq = after_seq
    while seq < last_seq:
        message = await subscription.next_msg(timeout=READ_S)
        # $JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>
        fields = message.reply.split(".")
        seq = int(fields[5])
        yield Stored(seq, int(fields[7]), message)
    await subscription.unsubscribe()
