"""The rest of a session's log, which its bus holds and its file does not: the last second of one that was killed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from mm_bus.bus import Bus, connected
from mm_bus.log_copies import check_copy, last_seq, stream_ends
from mm_bus.log_poller import LogPoller
from mm_bus.login import Login
from mm_bus.nats_server import HOST, SECRETS, free_port, is_listening, make_passwords, server_command
from mm_bus.permissions import authorization, users
from mm_core.types import UnavailableError
from mm_store.log_file import LogWriter
from mm_wire.chain import Record
from mm_wire.subjects import OPERATOR

BUS = "bus"
START_S, STOP_S = 20.0, 10.0
POLL_S = 0.02
SILENT_S = 30.0  # a server that gives nothing for so long


def complete_log(folder: Path, group: str) -> int:
    """Append to the file log of a session's folder what its bus holds behind it; how many records those were.

    0 where the file has all, or more. InputError while a process writes the log: the session runs. IntegrityError where
    bus and file are not of one log.
    """
    if not (folder / BUS / "data").is_dir():
        return 0
    with LogWriter(folder) as writer:
        first_seq = writer.next_seq
        asyncio.run(_append_rest(folder / BUS, group, writer))
        return writer.next_seq - first_seq


async def _append_rest(bus_folder: Path, group: str, writer: LogWriter) -> None:
    async with _server(bus_folder, group) as (url, login), connected(url, "crypto-mm export", login) as bus:
        if await last_seq(bus, group) >= writer.next_seq:
            await append_log(bus, group, writer)


async def append_log(bus: Bus, group: str, writer: LogWriter) -> None:
    """Append to a file log what the stream holds behind it now. IntegrityError where they are not of one log."""
    ends = await stream_ends(bus, group)
    await check_copy(bus, group, writer.next_seq, writer.last_name)
    has_come = asyncio.Event()

    async def take(record: Record) -> None:
        if record.seq <= ends.last_seq:
            writer.append(record)
            has_come.set()
        if writer.is_due:
            writer.flush()

    poller = LogPoller(bus, group, take, writer.next_seq, writer.last_name)
    await poller.start()
    try:
        while writer.next_seq <= ends.last_seq:
            has_come.clear()
            await _more(bus, has_come)
    finally:
        await poller.stop()


async def _more(bus: Bus, has_come: asyncio.Event) -> None:
    """Wait for records. UnavailableError if none come; what made the reading fail is raised."""
    waiting = asyncio.ensure_future(has_come.wait())
    ends: list[asyncio.Future[Any]] = [waiting, bus.failed]
    try:
        await asyncio.wait(ends, timeout=SILENT_S, return_when=asyncio.FIRST_COMPLETED)
        if bus.failed.done():
            bus.failed.result()
        if not waiting.done():
            raise UnavailableError(f"the bus gives no records of the log for {SILENT_S:.0f} s")
    finally:
        waiting.cancel()


@asynccontextmanager
async def _server(folder: Path, group: str) -> AsyncIterator[tuple[str, Login]]:
    """A nats-server of our own on the data of a session that does not run, and the login of its operator."""
    port = free_port(0, "port")
    passwords = make_passwords(folder / SECRETS, users(group))
    command = server_command(folder, port, authorization(group, passwords))
    log = (folder / "complete_log.log").open("wb")
    with log:
        process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)
        try:
            await _until_it_listens(process, port, folder)
            yield f"nats://{HOST}:{port}", Login(OPERATOR, passwords[OPERATOR])
        finally:
            if process.returncode is None:
                process.terminate()
                await _ended(process)


async def _until_it_listens(process: asyncio.subprocess.Process, port: int, folder: Path) -> None:
    try:
        async with asyncio.timeout(START_S):
            while not await is_listening(port):
                if process.returncode is not None:
                    break
                await asyncio.sleep(POLL_S)
            else:
                return
    except TimeoutError:
        pass
    raise UnavailableError(f"nats-server does not start on {folder}; see complete_log.log there")


async def _ended(process: asyncio.subprocess.Process) -> None:
    try:
        async with asyncio.timeout(STOP_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
