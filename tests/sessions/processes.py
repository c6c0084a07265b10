"""The processes of a session that a test watches and kills."""

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from typing import Any

from tests.session import children

POLL_S = 0.01


class Printed(Thread):
    """Reads what a long session prints, which would wait for a reader else."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        super().__init__(daemon=True)
        self._process = process
        self._out = self._err = ""
        self.start()

    def run(self) -> None:
        """Until it ends."""
        self._out, self._err = self._process.communicate()

    def summary(self, timeout_s: float) -> dict[str, Any]:
        """The JSON of a session that ends by itself; AssertionError with its stderr if it does not end well."""
        self.join(timeout_s)
        assert not self.is_alive(), f"the session has not ended within {timeout_s:.0f} s"
        assert self._process.returncode == 0, self._err[-2000:]
        summary: dict[str, Any] = json.loads(self._out.splitlines()[-1])
        return summary


def killed_at(process: subprocess.Popen[str], place: int, size: Callable[[], int], timeout_s: float) -> bool:
    """Kill the session's command alone, by SIGKILL, once the log has so many bytes; False if it ended before."""
    until_s = monotonic() + timeout_s
    while size() < place:
        if process.poll() is not None:
            return False
        assert monotonic() < until_s, "the log does not grow"
        sleep(POLL_S)
    services = children(process.pid)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    until_ended(services)
    return True


def until_ended(pids: list[int], timeout_s: float = 30.0) -> None:
    """Wait for the end of processes whose parent has ended. AssertionError if one stays."""
    until_s = monotonic() + timeout_s
    while running := [pid for pid in pids if is_running(pid)]:
        assert monotonic() < until_s, f"still there: {running}"
        sleep(POLL_S)


def is_running(pid: int) -> bool:
    """False for a process that has ended or a zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def rss_mb(pid: int) -> float:
    """Memory of a process, MB; 0 of one that has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024
