"""What `crypto-mm check` reports on a machine, with servers of this process as time server and exchange."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mm_cli import check
from mm_cli.app import app
from mm_core.types import InputError

MS = 1_000_000


def invoke(*arguments: str) -> tuple[int, Any]:
    """Exit code and JSON of the command, without asking for the time."""
    result = CliRunner().invoke(
        app, ["check", "--ntp", "", "--rest-url", "", "--json", *arguments], catch_exceptions=False
    )
    return result.exit_code, json.loads(result.stdout.splitlines()[-1])


def line(found: Any, name: str) -> Any:
    return next(each for each in found["checks"] if each["name"] == name)


@contextmanager
def time_server(ahead_ns: int, stratum: int = 2) -> Iterator[str]:
    """An NTP server that answers once; its clock is ahead of ours."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(10)

        def answer() -> None:
            query, client = server.recvfrom(512)
            seconds, rest_ns = divmod(time.time_ns() + ahead_ns, 1_000_000_000)
            stamp = (seconds + check.NTP_EPOCH_S).to_bytes(4) + ((rest_ns << 32) // 1_000_000_000).to_bytes(4)
            head = bytes([0x24, stratum]) + bytes(22)
            server.sendto(head + query[40:48] + stamp + stamp, client)

        thread = threading.Thread(target=answer)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        thread.join()


@contextmanager
def exchange(body: bytes) -> Iterator[str]:
    """An exchange that answers with `body`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/api/v3/time" else 404)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("ahead_ns", "status", "side"),
    [
        (0, "ok", ""),
        (-300 * MS, "warn", "ms ahead of 127"),
        (300 * MS, "warn", "ms behind 127"),
        (-1_300 * MS, "fail", "ahead of"),
    ],
)
def test_the_clock_is_compared_with_a_time_server(ahead_ns: int, status: str, side: str) -> None:
    with time_server(ahead_ns) as host:
        found = next(iter(check._clock(host, "")))
    assert found.status == status, found.text
    assert side in found.text


def test_the_offset_to_a_time_server_is_exact_within_its_error() -> None:
    with time_server(5_000 * MS) as host:
        offset_ns, error_ns = check._ntp(host)
    assert abs(offset_ns - 5_000 * MS) <= error_ns + 1_000
    assert error_ns < 1_000 * MS


def test_a_server_without_a_clock_of_its_own_is_no_answer() -> None:
    with time_server(0, stratum=0) as host:
        found = next(iter(check._clock(host, "")))
    assert found == ("clock, ntp", "ok", f"not compared: {host}: no answer of a synchronised time server")


def test_the_clock_is_compared_with_the_exchange() -> None:
    body = json.dumps({"serverTime": time.time_ns() // MS + 400}).encode()
    with exchange(body) as url:
        found = list(check._clock("", url))[1]
    assert found.status == "warn"
    assert f"ms behind {url}" in found.text


def test_an_exchange_without_a_time_is_reported_and_no_failure() -> None:
    with exchange(b"[]") as url:
        found = list(check._clock("", url))[1]
    assert found.status == "ok"
    assert found.text.startswith(f"not compared: {url}: time: ")


def test_who_cannot_be_reached_is_reported_and_no_failure() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        found = list(check._clock("", url))[1]
    assert found.status == "ok"
    assert "not compared" in found.text
    assert "Connect call failed" in found.text


def test_a_url_that_is_none_is_one_clear_line() -> None:
    with pytest.raises(InputError, match="--rest-url somewhere: expected a URL such as https://"):
        list(check._clock("", "somewhere"))


def test_this_machine_is_fit_and_decides_the_same_compiled_twice_and_as_plain_python(tmp_path: Path) -> None:
    code, found = invoke("--out", str(tmp_path / "new" / "folder"))
    assert (code, found["ok"]) == (0, True), found
    assert "compiled twice the same, and as plain Python" in line(found, "decisions")["text"]
    assert line(found, "nats-server")["text"].startswith("v2.")
    assert {each["status"] for each in found["checks"]} <= {"ok", "warn"}
    assert not (tmp_path / "new").exists()


def test_a_taken_port_and_a_folder_that_cannot_be_made_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "_decisions", lambda: check.Line("decisions", check.OK, "not run here"))
    (tmp_path / "file").touch()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, found = invoke("--out", str(tmp_path / "file" / "out"), "--set", f"bus.port={port}")
    assert (code, found["ok"]) == (1, False)
    assert line(found, "bus.port")["status"] == "fail"
    assert f"127.0.0.1:{port}: Address already in use" in line(found, "bus.port")["text"]
    assert line(found, "--out")["status"] == "fail"
    assert line(found, "service.metrics_port")["status"] == "ok"


def test_a_decision_that_is_another_in_plain_python_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    import mm_research.self_test as tested

    # Only this process sees it: the other one decides with the half-spread that it should.
    monkeypatch.setitem(tested.CONFIG, "avellaneda_stoikov", {"k_per_tick": 0.6})
    found = check._decisions()
    assert found.status == "fail"
    assert "compiled code and plain Python differ" in found.text
