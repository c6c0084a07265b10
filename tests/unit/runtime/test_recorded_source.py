"""How a recording is paced, over again when its recorder was started again."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from mm_core.types import NS_PER_S
from mm_services.recorder.recorded_source import RecordedSource


class Paced(RecordedSource):
    """Notes until when each frame waits, instead of waiting."""

    def __init__(self, recorder: Any, lines: Any) -> None:
        super().__init__(recorder, lines, speed=2.0, duration_ns=0, offset_ns=0)
        self._roots = recorder.roots
        self.waits: list[bool] = []

    async def _pause(self, left_s: Callable[[], float]) -> bool:
        self.waits.append(left_s() > 0)
        return True

    async def _take(self, recv_ns: int, frame: bytes) -> bool:
        self._roots.left -= 1
        self._roots.is_repeating = self._roots.left > 0
        return bool(recv_ns and frame)


@pytest.mark.parametrize(("repeated", "waits"), [(0, [False] + [True] * 9), (6, [False] * 7 + [True] * 3)])
def test_what_the_log_has_is_not_paced_again(repeated: int, waits: list[bool]) -> None:
    async def start() -> int:
        return repeated + 1

    roots = SimpleNamespace(start=start, left=repeated, is_repeating=repeated > 0)
    recorder = SimpleNamespace(roots=roots, nodes_ready=True)
    source = Paced(recorder, [(at * 1_000 * NS_PER_S, b"frame") for at in range(1, 11)])
    asyncio.run(source.replay())
    assert source.waits == waits
