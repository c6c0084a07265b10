"""All processes of one session: nats-server, the services, and requests to them."""

import asyncio
import logging
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from mm_bus.bus import OUTAGES, Bus, connected, until_available
from mm_bus.log_end import read_end
from mm_bus.login import login_of
from mm_bus.messages import NotFoundError
from mm_bus.nats_server import (
    DATA,
    HOST,
    SECRETS,
    free_port,
    is_listening,
    make_passwords,
    server_command,
    write_secret,
)
from mm_bus.permissions import authorization, users
from mm_bus.restore import restore, set_aside
from mm_bus.topology import INPUTS
from mm_core.events import InstrumentDefined
from mm_core.types import NS_PER_S, InputError, IntegrityError, UnavailableError
from mm_service.config import to_toml, without_settings
from mm_service.ending import end_tasks
from mm_service.settings import Settings
from mm_session.recover import Copies, damage_of, tail_of
from mm_session.sessions import BUS
from mm_session.supervisor import Supervisor
from mm_wire.subjects import ARCHIVER, OPERATOR, RECORDER, SEQUENCER, end_subject, status_subject, stream

log = logging.getLogger(__name__)

SERVER = "nats-server"
# The sequencer first: nothing can be published to a log that no one writes.
SERVICES = (SEQUENCER, *INPUTS, ARCHIVER)
POLL_S = 0.02
REST_S = 1.0  # for a process that is to append nothing more
SAVE_S = 30.0  # for the archiver, to put on disk what a bus without a folder still has
SERVER_S = 20.0
REPLY_S = 1.0


class Chain:
    """The processes of one session with their files in `folder`, which inherit the open `files`.

    `settings` are those of all services. Without `[bus] url` the bus is a nats-server of the session's own, with a user
    for each service, whose passwords stand in files that only we can read.
    """

    def __init__(self, folder: Path, settings: Settings, files: Sequence[int] = ()) -> None:
        self.folder = folder
        self.group = settings.bus.group
        self.supervisor = Supervisor(folder / "services", without_settings(os.environ), files)
        self.bus = Bus()
        self.settings = settings
        self._data: os.stat_result | None = None  # of our own server, to see whether it stays

    @property
    def url(self) -> str:
        """Where the bus is."""
        return self.settings.bus.url

    async def open(self, *, is_new: bool) -> int:
        """Start the bus and connect to it; the last sequence of the log.

        InputError if a port is taken or a program missing, and unless the log is new, or one that has not ended.
        """
        port = self.settings.service.metrics_port
        for number in range(len(SERVICES) + 1 if port else 0):
            free_port(port + number, "[service] metrics_port")
        is_own = not self.url
        if is_own:
            await self._start_server()
        await self._connect()
        if is_own and not is_new:
            await self._recover()
        last_seq = await self._last_seq()
        if last_seq and is_new:
            raise InputError(
                f"[bus] group {self.group}: the log {stream(self.group)} at {self.url} holds {last_seq} events; "
                "expected a group without a log"
            )
        if last_seq and (await read_end(self.bus, self.group, last_seq)).is_closed:
            raise InputError(
                f"{self.folder}: the log of this session has ended; expected one that was interrupted "
                f"(`crypto-mm export --session {self.folder}` writes what is missing)"
            )
        return last_seq

    async def _connect(self) -> None:
        bus = self.settings.bus
        await self.bus.connect(bus.url, "crypto-mm", login_of(bus, OPERATOR))

    async def _recover(self) -> None:
        """Restore a damaged log from its copies; the damaged one stays beside it. What was done is logged."""
        copies = Copies(self.folder, self.settings.store)
        for note in copies.notes:
            log.warning("%s", note)
        damage = await damage_of(self.bus, self.group, copies.end)
        if not damage:
            return
        log.warning("%s", damage)
        tail = await tail_of(self.bus, self.group, copies.end)
        await self.bus.close()
        await self.supervisor.end(SERVER)
        set_aside(self.folder / BUS)
        self._data = None
        self.settings = msgspec.structs.replace(
            self.settings, bus=msgspec.structs.replace(self.settings.bus, url="", password_file="")
        )
        await self._start_server()
        bus = self.settings.bus
        async with connected(bus.url, "crypto-mm resume", login_of(bus, SEQUENCER)) as writer:
            last_seq = await restore(writer, self.group, copies.records(tail), replicas=bus.replicas)
        log.warning("the log is complete up to %d", last_seq)
        self.bus = Bus()
        await self._connect()

    async def _last_seq(self) -> int:
        """The end of the log, 0 of one that is not there: the sequencer makes it."""
        name = stream(self.group)
        try:
            info = await until_available(lambda: self.bus.jetstream.stream_info(name))
        except NotFoundError:
            return 0
        return int(info.state.last_seq)

    async def log_ns(self) -> int:
        """The time from the first message of the log to its last one, as the server stored them; 0 without any."""
        name = stream(self.group)
        if not await self._last_seq():
            return 0
        state = (await until_available(lambda: self.bus.jetstream.stream_info(name))).state
        get = self.bus.jetstream.get_msg
        ends = [await until_available(partial(get, name, seq)) for seq in (state.first_seq, state.last_seq)]
        first, last = (each.time for each in ends)
        assert first is not None
        assert last is not None
        return int((last - first).total_seconds() * NS_PER_S)

    async def _start_server(self) -> None:
        bus = self.settings.bus
        port = free_port(bus.port, "[bus] port")
        secrets = self.folder / BUS / SECRETS
        allowed = authorization(self.group, make_passwords(secrets, users(self.group)))
        command = server_command(self.folder / BUS, port, allowed, bus.sync_interval)
        await self.supervisor.start(SERVER, command)
        own = {"url": f"nats://{HOST}:{port}", "user": "", "password_file": str(secrets.resolve())}
        self.settings = msgspec.structs.replace(self.settings, bus=msgspec.structs.replace(bus, **own))
        for _ in range(int(SERVER_S / POLL_S)):
            if await is_listening(port):
                self._data = (self.folder / BUS / DATA).stat()
                return
            self.check()
            await asyncio.sleep(POLL_S)
        raise UnavailableError(
            f"{SERVER}: did not listen on port {port} within {SERVER_S:.0f} s; see {self.folder}/services"
        )

    async def start(self, instrument: InstrumentDefined, recorder: Sequence[str]) -> None:
        """Start the services; `recorder` are options of the recorder."""
        path, config = self.folder / "instrument.json", self.folder / "config.toml"
        path.write_bytes(msgspec.json.encode(instrument))
        write_secret(config, to_toml(msgspec.to_builtins(self.settings)))
        for number, name in enumerate((*SERVICES, RECORDER)):
            own = ["--instrument", str(path), *recorder] if name == RECORDER else []
            await self.supervisor.start(
                name, _command(name, ["--config", str(config), *self._metrics_port(number), *own])
            )
        self.supervisor.watch_health(self._is_alive, SERVER, self.settings.service.silent_s_max)

    def _metrics_port(self, number: int) -> list[str]:
        """From a port that is given, the services take the ones that follow."""
        port = self.settings.service.metrics_port
        return ["--set", f"service.metrics_port={port + number}"] if port else []

    def check(self) -> None:
        """Raise what made a process, or our own connection, fail. IntegrityError if the bus's data was deleted."""
        data = self.folder / BUS / DATA
        if self._data is not None and not (data.exists() and os.path.samestat(data.stat(), self._data)):
            raise IntegrityError(f"{data}: deleted or replaced while the session ran; its log on disk is left")
        for failed in (self.supervisor.failed, self.bus.failed):
            if failed.done():
                failed.result()

    async def save_rest(self) -> None:
        """Append nothing more, and let the archiver put on disk what the server still has in its memory."""
        for name in (RECORDER, SEQUENCER):
            await self.supervisor.end(name, REST_S)
        loop = asyncio.get_running_loop()
        until_s = loop.time() + SAVE_S
        while loop.time() < until_s:
            last_seq = await self._last_seq()
            status = await self.status(ARCHIVER)
            if status and last_seq and status["file_seq"] >= last_seq:
                return
            await asyncio.sleep(POLL_S)

    async def _is_alive(self, name: str) -> bool:
        """Whether a process replies; of the server by our own connection."""
        if name != SERVER:
            return await self.status(name) is not None
        try:
            await self.bus.client.flush(timeout=1)
        except OUTAGES:
            return False
        return True

    async def status(self, service: str, timeout_s: float = REPLY_S) -> dict[str, Any] | None:
        """The status of a service; None if it does not reply."""
        status: dict[str, Any] | None = await self.bus.request(status_subject(self.group, service), timeout_s=timeout_s)
        return status

    async def end_data(self) -> None:
        """Request that the recorder close the log behind what it has taken; a request may get lost."""
        await self.bus.request(end_subject(self.group), timeout_s=REPLY_S)

    async def stop(self, within_s: float, *, hurried: bool = False) -> None:
        """End all processes: politely, and by force those that have not ended within so many seconds.

        `hurried`: only recorder, archiver and server have this time: they have something to finish.
        """
        closing = asyncio.create_task(self.bus.close())
        await self.supervisor.end_all(within_s, (SEQUENCER, *INPUTS) if hurried else ())
        await end_tasks([closing])  # it waits for a server that may have been frozen


def _command(service: str, options: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", f"mm_services.{service}", *options]
