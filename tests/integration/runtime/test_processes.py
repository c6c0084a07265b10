"""The sequencer as the process that it is, killed by SIGKILL while roots flow, and as a second one."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.integration.runtime.group import beside, running, until
from tests.integration.runtime.nodes import market, plain_log
from tests.integration.runtime.server import GROUP, Server, log_of

from mm_wire.subjects import SEQUENCER, status_subject

INTEGRITY = 3


@contextmanager
def sequencer(server: Server) -> Iterator[subprocess.Popen[str]]:
    """The service, killed at the end."""
    settings = {"bus.url": server.url, "bus.group": GROUP}
    options = [option for key, value in settings.items() for option in ("--set", f"{key}={value}")]
    command = [sys.executable, "-m", "mm_services.sequencer", *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_killed_process_leaves_a_log_that_the_next_one_continues(server: Server) -> None:
    roots = market(60)

    async def run() -> None:
        async with running(server.url) as group:
            bus = await group.connect()
            with sequencer(server):
                source = await group.source()
                await group.nodes()
                await source.put(roots[:30])
                await until(lambda: source._acked > 5)
            with sequencer(server):
                await beside(group, source.put(roots[30:]))
                await source.end()
                status = None
                while not (status and status["ended"]):
                    status = await bus.request(status_subject(GROUP, SEQUENCER))

    asyncio.run(run())
    assert asyncio.run(log_of(server)) == plain_log(roots)


def test_of_two_processes_one_ends_with_one_line(server: Server) -> None:
    roots = market(20)

    async def run() -> tuple[int, str]:
        async with running(server.url) as group:
            with sequencer(server) as first:
                source = await group.source()
                await source.put(roots[:3])
                await until(lambda: source._acked >= 2)
                await group.sequencer()
                await group.nodes()
                await source.put(roots[3:])
                output = await asyncio.to_thread(first.communicate)
                return first.returncode, output[1]

    code, err = asyncio.run(run())
    assert code == INTEGRITY
    assert err.strip().splitlines()[-1].startswith("error: a second sequencer writes the log MM_test: event")
