"""How a sequencer takes a log over, so that nothing of an older one is stored behind it.

At one server the fence is one message: appends name the one that they follow, and none of an older writer's names it.
Replicas do not check that name in order (a server that catches up compares with an older one and stops for good), so in
a replicated log appends name the sequence that they follow, and the fence is an atomic batch as long as a writer may be
ahead of what is stored: every sequence that an older writer can still name has passed.
"""

import json
import uuid
from collections.abc import Sequence
from functools import partial
from typing import Any

from nats.js.api import Header
from nats.js.errors import NotFoundError

from mm_bus.bus import REQUEST_S, Bus, until_available
from mm_bus.log_check import NAME
from mm_wire.subjects import stream, writer_subject

EXPECTED_SEQUENCE = str(Header.EXPECTED_LAST_SEQUENCE.value)
EXPECTED = str(Header.EXPECTED_LAST_MSG_ID.value)
BATCH, PLACE, COMMIT = "Nats-Batch-Id", "Nats-Batch-Sequence", "Nats-Batch-Commit"
FENCES = 1_000  # in a replicated log; the server takes no longer batch


async def is_replicated(bus: Bus, group: str) -> bool:
    """True if the log of a group is stored at several servers."""
    try:
        info = await until_available(lambda: bus.jetstream.stream_info(stream(group)))
    except NotFoundError:
        return False
    return (info.config.num_replicas or 1) > 1


async def send_fence(bus: Bus, group: str, last_seq: int, names: Sequence[str], writer: bytes) -> dict[str, Any] | None:
    """Append the fence of `writer` behind `last_seq`: messages with `names` but the first, which is the one before.

    The server's error, None if it is stored.
    """
    first: dict[str, str] = {EXPECTED_SEQUENCE: str(last_seq)} | ({EXPECTED: names[0]} if names[0] else {})
    if len(names) == 2:
        return await _request(bus, group, writer, first | {NAME: names[1]})
    batch = uuid.uuid4().hex
    for place, name in enumerate(names[1:-1], 1):
        headers = {BATCH: batch, PLACE: str(place), NAME: name}
        headers |= {EXPECTED_SEQUENCE: str(last_seq)} if place == 1 else {}
        await bus.publish(writer_subject(group), writer, headers=headers)
    last = {BATCH: batch, PLACE: str(len(names) - 1), COMMIT: "1", NAME: names[-1]}
    return await _request(bus, group, writer, last)


async def _request(bus: Bus, group: str, data: bytes, headers: dict[str, str]) -> dict[str, Any] | None:
    request = partial(bus.client.request, writer_subject(group), data, timeout=REQUEST_S, headers=headers)
    reply = json.loads((await until_available(request)).data)
    error: dict[str, Any] | None = reply.get("error")
    return error
