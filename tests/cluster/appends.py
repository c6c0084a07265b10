"""Measure: appends a second by what guards them, on one server and on three, and what `sync_interval` costs an append.

`python -m tests.cluster.appends`
"""

import asyncio
import json
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from time import perf_counter

import nats
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import StorageType, StreamConfig
from tests.cluster.servers import Cluster

from mm_wire.chain import FIRST, name_of

COUNT = 20_000
IN_FLIGHT = 500
ACKED = 500
DATA = bytes(150)
GUARDS = ("none", "sequence", "chain", "both")


def headers(guard: str, seq: int, before: str) -> tuple[dict[str, str], str]:
    """Those of append `seq`, and its name."""
    label = f"recorder:{seq}:0 {seq} 0123456789abcdef0123456789abcdef"
    name = name_of(before, label, DATA)
    made = {"Mm-Label": label, "Nats-Msg-Id": name}
    if guard in {"sequence", "both"}:
        made["Nats-Expected-Last-Sequence"] = str(seq - 1)
    if guard in {"chain", "both"} and before:
        made["Nats-Expected-Last-Msg-Id"] = before
    return made, name


async def rate(client: Client, replicas: int, guard: str) -> tuple[float, dict[int, int]]:
    """Pipelined appends a second, and the errors by their codes."""
    name = f"R{replicas}_{guard}"
    config = StreamConfig(name=name, subjects=[f"{name}.>"], storage=StorageType.FILE, num_replicas=replicas)
    await client.jetstream(timeout=10).add_stream(config.evolve(duplicate_window=5))
    await answers(client, f"{name}.a")
    acks, errors, room, inbox = 0, dict[int, int](), asyncio.Event(), client.new_inbox()

    async def on_ack(message: Msg) -> None:
        nonlocal acks
        acks += 1
        if error := json.loads(message.data).get("error"):
            errors[error["err_code"]] = errors.get(error["err_code"], 0) + 1
        room.set()

    subscription = await client.subscribe(inbox, cb=on_ack)
    before, begun_s = FIRST, perf_counter()
    for seq in range(1, COUNT + 1):
        made, before = headers(guard, seq, before)
        await client.publish(f"{name}.a", DATA, inbox, made)
        while seq - acks >= IN_FLIGHT or (seq == COUNT and acks < COUNT):
            room.clear()
            async with asyncio.timeout(30):
                await room.wait()
    seconds = perf_counter() - begun_s
    await subscription.unsubscribe()
    return COUNT / seconds, errors


async def answers(client: Client, subject: str) -> None:
    """Wait until the stream of a subject is led, and the server that we are at knows where: it refuses an append."""
    while True:
        with suppress(nats.errors.Error):
            await client.request(subject, b"", headers={"Nats-Expected-Last-Sequence": "999999"}, timeout=1)
            return


async def ack_ms(client: Client) -> list[float]:
    """Milliseconds of appends that wait for their ack, one after the other."""
    jetstream = client.jetstream(timeout=10)
    await jetstream.add_stream(StreamConfig(name="SYNC", subjects=["sync.>"], storage=StorageType.FILE))
    times_ms = []
    for _ in range(ACKED):
        begun_s = perf_counter()
        await jetstream.publish("sync.a", DATA)
        times_ms.append(1_000 * (perf_counter() - begun_s))
    return sorted(times_ms)


async def measure(folder: Path) -> None:
    """Print both tables."""
    for replicas in (1, 3):
        cluster = Cluster(folder / f"r{replicas}")
        try:
            cluster.start()
            client = await nats.connect(cluster.url.split(","))
            for guard in GUARDS:
                per_s, errors = await rate(client, replicas, guard)
                print(f"R{replicas} {guard:9}{per_s:8,.0f} appends/s  errors {errors or 'none'}")  # noqa: T201
            await client.close()
        finally:
            cluster.kill_all()
    for sync in ("2m", "100ms", "always"):
        cluster = Cluster(folder / sync, count=1, sync=sync)
        try:
            cluster.start()
            client = await nats.connect(cluster.url)
            times_ms = await ack_ms(client)
            per_s, _ = await rate(client, 1, "chain")
            middle, late = times_ms[ACKED // 2], times_ms[ACKED * 99 // 100]
            print(f"sync {sync:7} ack p50 {middle:.2f} p99 {late:.2f} ms; pipelined {per_s:,.0f}/s")  # noqa: T201
            await client.close()
        finally:
            cluster.kill_all()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made_in:
        asyncio.run(measure(Path(made_in)))
    sys.exit(0)
