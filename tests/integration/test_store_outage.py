"""A session whose ClickHouse comes late and dies in the middle: it trades on, and the store holds all in the end."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from tests.session import environment, paper_command, session
from tests.unit.store_clickhouse import http_front

PATIENCE_S = 60.0
INTERRUPTED = 130
WITH_ORDERS = 1_800  # so many events of the sample hold some orders and fills


def front(folder: Path, port: int) -> subprocess.Popen[str]:
    """A ClickHouse server on a port; it holds what an earlier one in this folder held."""
    command = [sys.executable, http_front.__file__, str(folder), str(port), "0"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def archiver(state: Path) -> dict[str, Any]:
    """What the archiver reports; nothing before it runs."""
    command = [sys.executable, "-m", "mm_cli", "status", "--json"]
    done = subprocess.run(command, env=environment(state), capture_output=True, text=True, check=False, timeout=30)
    sessions = json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 and done.stdout else []
    return sessions[0]["services"].get("archiver") or {} if sessions else {}


def until(state: Path, is_so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Ask the archiver until it is so."""
    until_s = monotonic() + PATIENCE_S
    while monotonic() < until_s:
        if (status := archiver(state)) and is_so(status):
            return status
    raise AssertionError(f"not within {PATIENCE_S:.0f} s: {archiver(state)}")


@pytest.mark.slow
def test_the_archiver_catches_up_with_a_store_that_was_away(tmp_path: Path) -> None:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    command = paper_command(
        tmp_path / "out", "--speed", "2", "--set", f"store.url=http://127.0.0.1:{port}", "--set", "store.batch_ms=200"
    )
    with session(command, tmp_path) as process:
        missing = until(tmp_path, lambda status: bool(status["is_failing"]))
        assert missing["stored_seq"] == 0
        with front(tmp_path / "clickhouse", port) as first:
            stored = until(tmp_path, lambda status: status["stored_seq"] > 0 and not status["is_failing"])
            first.kill()
        away = until(tmp_path, lambda status: bool(status["is_failing"]))
        assert process.poll() is None  # it trades on meanwhile
        with front(tmp_path / "clickhouse", port) as second:
            until(tmp_path, lambda status: status["stored_seq"] >= WITH_ORDERS)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=PATIENCE_S)
            second.kill()
    assert process.returncode == INTERRUPTED, err[-2000:]
    summary = json.loads(out.splitlines()[-1])
    assert away["stored_seq"] >= stored["stored_seq"]
    feed = summary["feed"]
    assert summary["fills"] > 0
    expected = {"deltas": feed["depth_applied"], "trades": feed["trades"]}
    expected |= {"orders": summary["orders"], "fills": summary["fills"]}
    assert {name: summary["store"][name] for name in expected} == expected
    assert summary["restarts"] == {}
