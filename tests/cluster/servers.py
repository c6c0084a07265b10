"""Three real nats-servers on loopback that are one JetStream cluster; a test may kill each and start it again."""

import json
import socket
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from urllib.request import urlopen

from mm_bus.nats_server import HOST, find_server

START_S = 60.0
CONFIG = """\
listen: {host}:{port}
http: {host}:{monitor}
server_name: n{number}
max_payload: 8MB
jetstream {{
  store_dir: {store}
  max_file_store: 100GB
{sync}
}}
"""
ROUTES = """\
cluster {{
  name: test
  listen: {host}:{route}
  no_advertise: true
  routes: [{routes}]
}}
"""


def free_ports(count: int) -> list[int]:
    """Different free ports."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind((HOST, 0))
        return [probe.getsockname()[1] for probe in probes]


class Cluster:
    """Servers by their numbers 0, 1, 2, with ports and data that outlive their processes."""

    def __init__(self, folder: Path, count: int = 3, sync: str = "") -> None:
        self._folder = folder
        ports = free_ports(3 * count)
        self._ports, self._monitors, routes = ports[:count], ports[count : 2 * count], ports[2 * count :]
        self._processes: list[subprocess.Popen[bytes] | None] = [None] * count
        self.url = ",".join(f"nats://{HOST}:{port}" for port in self._ports)
        for number in range(count):
            path = folder / f"n{number}"
            path.mkdir(parents=True)
            text = CONFIG + ROUTES if count > 1 else CONFIG
            (path / "nats-server.conf").write_text(
                text.format(
                    host=HOST,
                    port=self._ports[number],
                    monitor=self._monitors[number],
                    number=number,
                    store=path / "data",
                    sync=f'  sync_interval: "{sync}"' if sync else "",
                    route=routes[number],
                    routes=", ".join(f"nats://{HOST}:{port}" for port in routes),
                )
            )

    def port(self, number: int) -> int:
        """Where one server listens."""
        return self._ports[number]

    def start(self) -> None:
        """Start all, and wait until each is healthy."""
        for number in range(len(self._processes)):
            self.begin(number)
        for number in range(len(self._processes)):
            self.wait(number)

    def begin(self, number: int) -> None:
        """Start one server."""
        path = self._folder / f"n{number}"
        command = [str(find_server()), "--config", str(path / "nats-server.conf"), "--log", str(path / "log")]
        self._processes[number] = subprocess.Popen(command)

    def wait(self, number: int) -> None:
        """Wait until a server reports that it has caught up with the others."""
        ends_s = time.monotonic() + START_S
        while not self.is_healthy(number):
            assert time.monotonic() < ends_s, (self._folder / f"n{number}" / "log").read_text()[-3000:]
            time.sleep(0.05)

    def is_healthy(self, number: int) -> bool:
        """True if the server's own health check is content."""
        try:
            with urlopen(f"http://{HOST}:{self._monitors[number]}/healthz", timeout=2) as answer:
                return bool(json.load(answer)["status"] == "ok")
        except (OSError, ValueError):
            return False

    def kill(self, number: int) -> None:
        """SIGKILL."""
        process = self._processes[number]
        if process is not None:
            process.kill()
            process.wait()
            self._processes[number] = None

    def kill_all(self) -> None:
        """End everything."""
        for number in range(len(self._processes)):
            self.kill(number)
