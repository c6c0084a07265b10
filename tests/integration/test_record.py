"""The recorder without the bus: windows, signals and the disk, against the replay venue as a process."""

import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.session import SAMPLE

from mm_cli.record import _seconds
from mm_core.types import InputError
from mm_store.ws_lines import WsLines

START_S = 60.0
SPEED = 40


@pytest.fixture
def venue() -> Iterator[str]:
    """The address of a venue that plays the sample."""
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        port = probe.getsockname()[1]
    given = ["--source", str(SAMPLE), "--symbol", "SYNTH", "--speed", str(SPEED), "--port", str(port)]
    command = [sys.executable, "-m", "mm_cli", "serve-replay", *given]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        until(process, lambda: state(port) == "waiting")
        yield f"127.0.0.1:{port}"
        process.terminate()


def until(process: subprocess.Popen[Any], holds: Any) -> None:
    """Wait for a condition while a process runs."""
    ends_s = time.monotonic() + START_S
    while not holds():
        assert process.poll() is None, "it ended"
        assert time.monotonic() < ends_s, "it does not come"
        time.sleep(0.02)


def state(port: int) -> str:
    """What the venue reports; nothing while it does not listen."""
    client = HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        client.request("GET", "/healthz")
        return str(json.loads(client.getresponse().read())["state"])
    except OSError:
        return ""
    finally:
        client.close()


def command(venue: str, data: Path, *options: str) -> list[str]:
    """A recorder of the venue."""
    addresses = ["--set", f"venue.ws_url=ws://{venue}", "--set", f"venue.rest_url=http://{venue}"]
    given = ["--symbol", "SYNTH", "--data", str(data), "--json", *addresses, *options]
    return [sys.executable, "-m", "mm_cli", "record", *given]


def frames(data: Path) -> list[bytes]:
    """What is on disk."""
    return [frame for _, frame in WsLines(sorted((data / "binance" / "SYNTH").glob("*.ws.gz")))]


def market(recorded: list[bytes]) -> list[bytes]:
    """The frames of streams and snapshots: without a recorder's own lines."""
    return [frame.rstrip() for frame in recorded if b'"stream"' in frame or b'"lastUpdateId"' in frame]


def test_a_window_ends_by_itself_with_the_frames_of_the_venue(venue: str, tmp_path: Path) -> None:
    done = subprocess.run(command(venue, tmp_path, "--duration", "6s"), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert (result["connects"], result["lost"]) == (1, 0)
    assert result["frames"] == len(frames(tmp_path))
    assert (result["feed"]["depth_applied"], result["feed"]["trades"], result["feed"]["gaps"]) == (1_095, 677, 0)
    assert sorted(market(frames(tmp_path))) == sorted(market([frame for _, frame in WsLines([SAMPLE])]))
    assert json.loads((tmp_path / "binance" / "SYNTH" / "instrument.json").read_text())["tick_size"] == "0.01"


def test_sigterm_ends_it_with_everything_on_disk_and_a_second_recorder_is_refused(venue: str, tmp_path: Path) -> None:
    with subprocess.Popen(command(venue, tmp_path), stdout=subprocess.PIPE, text=True) as process:
        until(process, lambda: any(tmp_path.rglob("*.ws.gz")))
        second = subprocess.run(command(venue, tmp_path), capture_output=True, text=True, check=False)
        process.send_signal(signal.SIGTERM)
        printed, _ = process.communicate(timeout=START_S)
    assert process.returncode == 0
    assert json.loads(printed.splitlines()[-1])["frames"] == len(frames(tmp_path)) > 0
    assert second.returncode == 2
    assert f"another recorder, process {process.pid}, writes to it; expected one a folder and symbol" in second.stderr


def test_an_exchange_that_is_away_is_a_failed_check(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        away = f"127.0.0.1:{probe.getsockname()[1]}"
    done = subprocess.run(command(away, tmp_path, "--duration", "200ms"), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"record: nothing came from ws://{away}" in done.stderr


class Page(BaseHTTPRequestHandler):
    """What a captive portal, or a venue in maintenance, answers to everything."""

    status = 200

    def do_GET(self) -> None:
        """A page."""
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(b"<html>Please come back later</html>")

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.mark.parametrize("status", [200, 502])
def test_a_page_instead_of_the_trading_rules_is_a_failed_check(tmp_path: Path, status: int) -> None:
    handler = type("Page", (Page,), {"status": status})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        address = f"127.0.0.1:{server.server_port}"
        done = subprocess.run(
            command(address, tmp_path, "--duration", "1s"), capture_output=True, text=True, check=False
        )
        server.shutdown()
        serving.join()
    assert done.returncode == 1, done.stderr
    assert f"record: nothing came from ws://{address}" in done.stderr


def limited(bytes_max: int) -> Any:
    """What makes every file of a new process end there, as a full disk does."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_max, bytes_max))


def test_a_full_disk_costs_frames_and_is_reported(venue: str, tmp_path: Path) -> None:
    given = command(venue, tmp_path, "--duration", "6s")
    quick = os.environ | {"NUMBA_DISABLE_JIT": "1"}  # whose cache has no room either
    done = subprocess.run(
        given, capture_output=True, text=True, check=False, env=quick, preexec_fn=limited(10_000), timeout=START_S
    )
    assert done.returncode == 1, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["frames_lost"] > 100
    assert f"failed: {result['failures'][0]}" in done.stderr
    written = [frame for frame in frames(tmp_path) if b"frames not recorded" not in frame]
    assert result["frames"] == len(written) > 0
    assert (
        "cannot be written: File too large; expected a writable folder; frames are lost until it can be" in done.stderr
    )


def test_a_disk_that_is_full_from_the_start_is_a_failed_check(venue: str, tmp_path: Path) -> None:
    given = command(venue, tmp_path, "--duration", "4s")
    quick = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run(
        given, capture_output=True, text=True, check=False, env=quick, preexec_fn=limited(0), timeout=START_S
    )
    assert done.returncode == 1, done.stderr
    assert "File too large" in done.stderr


def test_a_folder_that_is_removed_meanwhile_is_made_anew_and_never_a_success(venue: str, tmp_path: Path) -> None:
    given = command(venue, tmp_path, "--duration", "8s")
    with subprocess.Popen(given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        until(process, lambda: any(path.stat().st_size for path in tmp_path.rglob("*.ws.gz")))
        shutil.rmtree(tmp_path / "binance")
        out, err = process.communicate(timeout=START_S)
    assert process.returncode == 1, err
    result = json.loads(out.splitlines()[-1])
    assert result["frames_lost"] > 0
    assert "removed while it was written" in result["failures"][0]
    recorded = frames(tmp_path)
    assert b"frames not recorded for" in recorded[0]
    assert result["frames"] == len(recorded) - 1  # without the line about the hole
    assert (tmp_path / "binance" / "SYNTH" / "instrument.json").exists()


def test_an_unknown_symbol_is_bad_input(venue: str, tmp_path: Path) -> None:
    given = command(venue, tmp_path, "--symbol", "NOPE")
    done = subprocess.run(given, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error: ")
    assert "NOPE" in done.stderr


NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("duration", "until_text", "seconds"),
    [("90s", "", 90.0), ("8h", "", 28_800.0), ("", "16:00Z", 14_400.0), ("", "12:00Z", 86_400.0), ("", "", 0.0)],
)
def test_a_window_is_as_long_as_was_requested(duration: str, until_text: str, seconds: float) -> None:
    assert _seconds(duration, until_text, NOON) == seconds


@pytest.mark.parametrize(
    ("duration", "until_text"), [("8", ""), ("0s", ""), ("", "16:00"), ("", "24:00Z"), ("1h", "16:00Z")]
)
def test_a_window_that_cannot_be_is_bad_input(duration: str, until_text: str) -> None:
    with pytest.raises(InputError, match="expected"):
        _seconds(duration, until_text, NOON)
