"""A recorder that is requested to end before it has taken anything: no market is waited for, and the log is closed."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from tests.integration.runtime.group import running, until
from tests.integration.runtime.server import GROUP, Server
from tests.session import SAMPLE

from mm_bus.bus import Bus
from mm_store.ws_lines import WsLines
from mm_venues.binance.define import define
from mm_wire.subjects import RECORDER, end_subject, status_subject

PATIENCE_S = 60.0


@contextmanager
def recorder(server: Server, folder: Path, source: str) -> Iterator[subprocess.Popen[bytes]]:
    """The service, with an exchange that is away."""
    path = folder / "instrument.json"
    path.write_bytes(msgspec.json.encode(define("SYNTH", WsLines([SAMPLE])).instrument))
    settings = {"bus.url": server.url, "bus.group": GROUP, "venue.ws_url": "ws://127.0.0.1:9"}
    settings["venue.rest_url"] = "http://127.0.0.1:9"
    given = [option for key, value in settings.items() for option in ("--set", f"{key}={value}")]
    command = [sys.executable, "-m", "mm_services.recorder", *given, "--instrument", str(path), "--source", source]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.terminate()


async def until_replied(bus: Bus, subject: str) -> None:
    """Request until it replies."""
    while await bus.request(subject, timeout_s=0.2) is None:  # noqa: ASYNC110
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("source", ["live", f"paced:{SAMPLE}", f"replay:{SAMPLE}"], ids=["live", "paced", "replay"])
@pytest.mark.parametrize("is_sequencer_there", [True, False], ids=["no nodes", "no sequencer"])
def test_a_recorder_that_is_requested_to_end_at_the_start_closes_the_log(
    server: Server, tmp_path: Path, source: str, *, is_sequencer_there: bool
) -> None:
    async def run() -> int:
        async with running(server.url) as group:
            bus = await group.connect()
            if is_sequencer_there:
                await group.sequencer()
            await until_replied(bus, end_subject(GROUP))
            await until_replied(bus, status_subject(GROUP, RECORDER))
            if not is_sequencer_there:
                await group.sequencer()
            async with asyncio.timeout(PATIENCE_S):
                await group.nodes()
                while not (await bus.request(status_subject(GROUP, RECORDER)) or {}).get("ended"):  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
                await until(lambda: group.writer.status()["ended"])
            return int((await bus.request(status_subject(GROUP, RECORDER)))["frames"])

    with recorder(server, tmp_path, source):
        frames = asyncio.run(run())
    at_once = 1_500 if source.startswith("replay") else 10  # a replay's window of roots is on its way at once
    assert frames <= (at_once if is_sequencer_there and source != "live" else 0)
