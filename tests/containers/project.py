"""The services of docker-compose.yml as a project of a test's own, on the sample's frames."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from testcontainers.compose import DockerCompose

ROOT = Path(__file__).parents[2]
FILES = ["docker-compose.yml", "tests/containers/replay.yml"]
PATIENCE_S = 240.0
POLL_S = 0.05
VERSION = "test"
IMAGE = f"crypto-mm:{VERSION}"
DOCKER = shutil.which("docker") or "docker"
# Runs where the archiver does, who may read the log: a digest of each event, one a line.
READ_LOG = """
import asyncio, hashlib, sys
from pathlib import Path
from mm_bus.bus import Bus
from mm_service.config import load_config
from mm_bus.log_poller import LogPoller
from mm_bus.login import login_of

async def main(last_seq):
    bus = load_config([Path("config.toml"), Path("session.toml")], []).bus
    read, client = [], Bus()
    await client.connect(bus.url, "archiver", login_of(bus, "archiver"))
    async def take(record):
        if not record.is_fence:
            read.append(hashlib.sha256(record.data).hexdigest())
    poller = LogPoller(client, bus.group, take)
    await poller.start()
    while poller.next_seq <= last_seq:
        await asyncio.sleep(0.05)
    await poller.stop()
    await client.close()
    print("\\n".join(read))

asyncio.run(main(int(sys.argv[1])))
"""


class Project:
    """A running project."""

    def __init__(self, compose: DockerCompose, ports: dict[str, int]) -> None:
        self._compose = compose
        self._ports = ports

    def run(self, *arguments: str, given: str = "") -> str:
        """What a `docker compose` command prints. CalledProcessError if it fails."""
        command = [*self._compose.compose_command_property, *arguments]
        done = subprocess.run(command, cwd=ROOT, input=given, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, f"{' '.join(arguments)}: {done.stderr[-2000:]}{done.stdout[-2000:]}"
        return done.stdout

    def container(self, service: str) -> dict[str, Any]:
        """What the engine knows of a service's container."""
        name = self.run("ps", "--all", "--quiet", service).strip()
        described = subprocess.run([DOCKER, "inspect", name], capture_output=True, text=True, check=True, timeout=60)
        found: dict[str, Any] = json.loads(described.stdout)[0]
        return found

    def status(self, service: str) -> dict[str, Any]:
        """The status of a service; nothing while it does not reply."""
        try:
            with urlopen(f"http://127.0.0.1:{self._ports[service]}/healthz", timeout=5) as answer:
                status: dict[str, Any] = json.load(answer)
                return status
        except (URLError, OSError, ValueError):
            return {}

    def until(self, service: str, is_so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Poll a service until it is so."""
        until_s = monotonic() + PATIENCE_S
        while monotonic() < until_s:
            if (status := self.status(service)) and is_so(status):
                return status
            sleep(POLL_S)
        raise AssertionError(f"{service} not within {PATIENCE_S:.0f} s: {self.status(service)}")

    def log(self, last_seq: int) -> list[str]:
        """A digest of each event on the log."""
        arguments = ["exec", "-T", "archiver", "/app/deploy/entrypoint.sh", "sh", "-c"]
        script = f'cd "/session/$MM_BUS__GROUP" && exec python - {last_seq}'
        return self.run(*arguments, script, given=READ_LOG).split()


def until(is_so: Callable[[], bool]) -> None:
    """Poll until it is so."""
    until_s = monotonic() + PATIENCE_S
    while not is_so():
        assert monotonic() < until_s, f"not within {PATIENCE_S:.0f} s"
        sleep(POLL_S)


@contextmanager
def project(name: str, ports: dict[str, int]) -> Iterator[Project]:
    """A project from nothing; nothing of it is left."""
    given = {"COMPOSE_PROJECT_NAME": name, "MM_VERSION": VERSION}
    given |= {f"TEST_{service.upper()}_PORT": str(port) for service, port in ports.items()}
    with pytest.MonkeyPatch.context() as patch:
        for key, value in given.items():
            patch.setenv(key, value)
        compose = DockerCompose(ROOT, FILES, profiles=["replay"], wait=False)
        running = Project(compose, ports)
        try:
            compose.start()
            yield running
        except BaseException:
            _save_logs(running, name)
            raise
        finally:
            compose.stop()


def _save_logs(running: Project, name: str) -> None:
    folder = Path(os.environ.get("TEST_LOGS", tempfile.gettempdir()))
    (folder / f"{name}.log").write_text(running.run("logs", "--no-color", "--timestamps"))


def build() -> None:
    """The image of this checkout."""
    environment = os.environ | {"MM_VERSION": VERSION, "TEST_SEQUENCER_PORT": "0", "TEST_ARCHIVER_PORT": "0"}
    files = [option for file in FILES for option in ("--file", file)]
    command = [DOCKER, "compose", *files, "--profile", "replay", "build", "sequencer"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=1_200
    )
    assert done.returncode == 0, done.stderr[-2000:]
