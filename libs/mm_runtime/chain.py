"""All processes of one session: nats-server, the services, and the word with them."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from mm_core.events import InstrumentDefined
from mm_core.types import InputError
from mm_runtime.bus import Bus, open_log
from mm_runtime.login import login_of
from mm_runtime.nats_server import answers, free_port, server_command
from mm_runtime.settings import Settings
from mm_runtime.supervisor import Supervisor
from mm_runtime.topology import HEARS
from mm_wire.subjects import ARCHIVER, OPERATOR, RECORDER, SEQUENCER, end_subject, status_subject, stream

SERVER = "nats-server"
# The sequencer first: nobody has anything to say to a log that no one writes.
SERVICES = (SEQUENCER, *HEARS, ARCHIVER)
POLL_S = 0.02
SERVER_S = 20.0


class Chain:
    """The processes of one session with their files in `folder`; `options`: --config and --set of all services."""

    def __init__(self, folder: Path, settings: Settings, options: Sequence[str]) -> None:
        self.folder = folder
        self.group = settings.bus.group
        self.supervisor = Supervisor(folder / "services")
        self.bus = Bus()
        self.url = settings.bus.url
        self._settings = settings
        self._options = list(options)

    async def start(self, instrument: InstrumentDefined, recorder: Sequence[str], own: Mapping[str, str]) -> None:
        """Start everything; `recorder` are options of the recorder, `own` settings of this session for all services.

        InputError if a port is taken, a program missing, or the log of the group not empty.
        """
        for number in range(len(SERVICES) + 1 if self._settings.service.metrics_port else 0):
            free_port(self._settings.service.metrics_port + number, "[service] metrics_port")
        if not self.url:
            self.url = await self._start_server()
        await self.bus.connect(self.url, "crypto-mm", login_of(self._settings.bus, OPERATOR))
        if last_seq := await open_log(self.bus, self.group, self._settings.bus.replicas):
            raise InputError(
                f"[bus] group {self.group}: the log {stream(self.group)} at {self.url} holds {last_seq} events; "
                "expected a group without a log"
            )
        path = self.folder / "instrument.json"
        path.write_bytes(msgspec.json.encode(instrument))
        given = {"bus.url": self.url, **own}
        options = [*self._options, *(word for key, value in given.items() for word in ("--set", f"{key}={value}"))]
        for number, name in enumerate((*SERVICES, RECORDER)):
            own_options = ["--instrument", str(path), *recorder] if name == RECORDER else []
            await self.supervisor.start(name, _command(name, [*options, *self._metrics_port(number), *own_options]))

    def _metrics_port(self, number: int) -> list[str]:
        """From a port that is given, the services take the ones that follow."""
        port = self._settings.service.metrics_port
        return ["--set", f"service.metrics_port={port + number}"] if port else []

    async def _start_server(self) -> str:
        port = free_port(self._settings.bus.port, "[bus] port")
        await self.supervisor.start(
            SERVER, server_command(self.folder / "bus", port, sync_interval=self._settings.bus.sync_interval)
        )
        for _ in range(int(SERVER_S / POLL_S)):
            if await answers(port):
                return f"nats://127.0.0.1:{port}"
            self.check()
            await asyncio.sleep(POLL_S)
        raise InputError(f"{SERVER}: did not listen on port {port} within {SERVER_S:.0f} s; see {self.folder}/services")

    def check(self) -> None:
        """Raise what made a process, or our own connection, fail."""
        for failed in (self.supervisor.failed, self.bus.failed):
            if failed.done():
                failed.result()

    async def status(self, service: str) -> dict[str, Any] | None:
        """What a service says of itself; None if it does not answer."""
        status: dict[str, Any] | None = await self.bus.request(status_subject(self.group, service), timeout_s=1.0)
        return status

    async def end_data(self) -> None:
        """Let the recorder close the log behind what it has taken."""
        await self.bus.request(end_subject(self.group), timeout_s=1.0)

    async def stop(self) -> None:
        """End all processes."""
        await self.bus.close()
        await self.supervisor.end_all()


def _command(service: str, options: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", f"mm_services.{service}", *options]
