"""A paper session as a user starts it, whose processes are killed at chosen places of the log."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "samples" / "synth.gz"
CONFIG = ROOT / "deploy" / "config" / "paper.toml"
SERVER = "nats-server"


def paper_command(out: Path, *options: str, source: str = f"replay:{SAMPLE}", config: Path = CONFIG) -> list[str]:
    """The command of a session on the bus."""
    symbol = Path(source).name.partition("_")[0].partition(".")[0].upper()  # synth.gz, btcusdt_20240808.gz
    given = ["--symbol", symbol, "--source", source, "--config", str(config), "--out", str(out), "--json", *options]
    return [sys.executable, "-m", "mm_cli", "paper", *given]


def environment(state: Path) -> dict[str, str]:
    """The environment of a test's commands: sessions are listed in `state`."""
    return os.environ | {"MM_STATE_DIR": str(state)}


@contextmanager
def session(command: Sequence[str], state: Path) -> Iterator[subprocess.Popen[str]]:
    """A running session, ended with everything that it started."""
    process = subprocess.Popen(
        command,
        env=environment(state),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                for pid in children(process.pid):
                    os.kill(pid, signal.SIGKILL)
                process.kill()
                process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def children(parent: int) -> list[int]:
    """The processes that a process started."""
    path = Path(f"/proc/{parent}/task/{parent}/children")
    return [int(pid) for pid in path.read_text().split()] if path.exists() else []


def service_pid(parent: int, name: str) -> int:
    """The process of a service; 0 while it has none."""
    program = name if name == SERVER else f"mm_services.{name}"
    for pid in children(parent):
        try:
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if any(each.decode().endswith(program) for each in arguments[:3]):
            return pid
    return 0


def log_position(folder: Path) -> int:
    """How many bytes of the log nats-server has written: grows with every event, known without a request."""
    return sum(path.stat().st_size for path in folder.glob("bus/data/jetstream/*/streams/MM_main/msgs/*.blk"))


def kill_at(process: subprocess.Popen[str], folder: Path, name: str, places: Sequence[int], timeout_s: float) -> int:
    """Kill a service by SIGKILL whenever the log passes one of the places (in bytes); returns how often it was."""
    killed, until_s = 0, monotonic() + timeout_s
    for place in sorted(places):
        while process.poll() is None and monotonic() < until_s:
            pid = service_pid(process.pid, name)
            if pid and log_position(folder) >= place:
                os.kill(pid, signal.SIGKILL)
                killed += 1
                _wait_ended(pid)
                break
    return killed


def _wait_ended(pid: int) -> None:
    while True:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except OSError:
            return
        if state == "Z":
            return


def summary_of(process: subprocess.Popen[str], timeout_s: float) -> dict[str, Any]:
    """The JSON of a session that ends by itself; AssertionError with its stderr if it does not end well."""
    out, err = process.communicate(timeout=timeout_s)
    assert process.returncode == 0, err[-2000:]
    summary: dict[str, Any] = json.loads(out.splitlines()[-1])
    return summary


def log_bytes(folder: Path) -> list[bytes]:
    """The events of a session's log, encoded."""
    from mm_store.log_read import read_log

    return [msgspec.msgpack.encode(event) for event in read_log(folder)]
