"""What processes and the machine spend, from /proc."""

import os
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter

TICKS_S = os.sysconf("SC_CLK_TCK")


class Cpu:
    """CPU time by process, summed over the blocks of each kind."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = dict(pids)
        self._spent_s: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        self._before: dict[str, float] = {}

    def begin(self) -> None:
        """A block begins."""
        self._before = self._read()

    def end(self, kind: str) -> None:
        """The block was of this kind."""
        for name, spent_s in self._read().items():
            self._spent_s[kind][name] += spent_s - self._before[name]

    def percent(self, kind: str) -> dict[str, float]:
        """Of one core, by process; `others` is what all else on the machine took, and the host from it."""
        spent_s = self._spent_s[kind]
        seconds = spent_s["seconds"]
        ours = {name: 100 * spent_s[name] / seconds for name in self._pids}
        return ours | {"others": max(0.0, 100 * spent_s["machine"] / seconds - sum(ours.values()))}

    def _read(self) -> dict[str, float]:
        read = {name: _of_process(pid) for name, pid in self._pids.items()}
        return read | {"machine": _of_machine(), "seconds": perf_counter()}


def _of_process(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_S


def _of_machine() -> float:
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / TICKS_S
