"""Before a server is maintained: the leaders of a group's streams hand over, which takes less than an election."""

import asyncio
import json
from time import perf_counter

from mm_bus.bus import OUTAGES, REQUEST_S, Bus, until_available
from mm_core.types import InputError, UnavailableError
from mm_wire.subjects import stream

POLL_S = 0.01
LED_S = 15.0


async def step_down(bus: Bus, group: str) -> tuple[str, str, float]:
    """Let the leader of a group's log hand over: who led, who leads now, and the seconds between.

    InputError for a log that is stored at one server; UnavailableError if nobody takes over.
    """
    name = stream(group)
    info = await until_available(lambda: bus.jetstream.stream_info(name))
    if (info.config.num_replicas or 1) == 1 or info.cluster is None:
        raise InputError(f"the log {name} is stored at one server; expected [bus] replicas = 3 to hand over")
    before, begun_s = str(info.cluster.leader), perf_counter()
    reply = await bus.client.request(f"$JS.API.STREAM.LEADER.STEPDOWN.{name}", b"", timeout=REQUEST_S)
    if error := json.loads(reply.data).get("error"):
        raise UnavailableError(f"the log {name} still has its leader {before}: {error.get('description')}")
    while perf_counter() - begun_s < LED_S:
        try:
            async with asyncio.timeout(POLL_S * 20):
                now = await bus.jetstream.stream_info(name)
        except OUTAGES:
            continue
        if now.cluster is not None and now.cluster.leader and now.cluster.leader != before:
            return before, str(now.cluster.leader), perf_counter() - begun_s
        await asyncio.sleep(POLL_S)
    raise UnavailableError(f"the log {name}: nobody took over from {before} within {LED_S:.0f} s")
