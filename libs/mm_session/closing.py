"""How a session ends: its log closed and stored, or after a while without that."""

import asyncio
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any

from mm_bus.log_poller import LogPoller
from mm_core.types import NS_PER_S, IntegrityError, UnavailableError
from mm_session.interrupt import Interrupts
from mm_session.processes import Chain
from mm_session.view import Notify
from mm_wire.subjects import ARCHIVER, RECORDER, SEQUENCER

POLL_S = 0.05
STATUS_S, RECORDER_S = 1.0, 1.0  # for a service to reply; between two statuses of the recorder
REPEAT_S = 0.5  # the request to end may get lost, or its recorder die
INTERRUPTED_CLOSE_S = 1.8  # how long the log may take to be closed after Ctrl-C
INTERRUPTED_STORE_S = 3.0  # and the store to have it
CLOSE_S = 60.0  # and after a session's duration: longer than a service that stands still may
STORE_S = 60.0
INTERRUPTED_STATUS_S = 0.4  # and a service to answer
UNREACHABLE_S = 3.0  # for a store that cannot be reached
SILENT_NS = 2 * NS_PER_S  # after a live session's duration its next frame should have come
START_NS = 60 * NS_PER_S  # for the first data of a session


class Ending:
    """Watches a running session and requests its end. `is_complete`: not interrupted."""

    def __init__(self, chain: Chain, interrupts: Interrupts, duration_ns: int, notify: Notify) -> None:
        self.is_complete = True
        self.is_on_file = False  # proven: the log on disk ends as the one on the bus
        self.recorder: dict[str, Any] | None = None  # its last status
        self._chain = chain
        self._notify = notify
        self._interrupts = interrupts
        self._duration_ns = duration_ns
        self._waiting_ns = perf_counter_ns()
        self._requested_s = 0.0  # when the end was requested first, by the loop's clock
        self._requesting: asyncio.Task[None] | None = None
        self._recorder_s = 0.0

    async def until_ended(self, reader: LogPoller, started_ns: Callable[[], int], show: Callable[[], None]) -> bool:
        """Wait until the log is closed and read to its end. False if it was interrupted and the end does not come.

        UnavailableError if it does not come after the session's duration.
        """
        loop = asyncio.get_running_loop()
        try:
            while True:
                await self._check()
                status = await self._status(SEQUENCER)
                if status and status["ended"] and reader.next_seq > status["last_seq"]:
                    return True
                if not self._requested_s and (self._interrupts.once.is_set() or self._is_over(started_ns())):
                    self._begin_requests(loop.time())
                if self._interrupts.once.is_set():
                    self.is_complete = False
                    if loop.time() >= self._interrupts.requested_s + INTERRUPTED_CLOSE_S:
                        return False
                elif self._requested_s and loop.time() >= self._requested_s + self._close_s:
                    raise UnavailableError(f"the log could not be closed within {self._close_s:.0f} s")
                await self._read_recorder()
                show()
                await asyncio.sleep(POLL_S)
        finally:
            if self._requesting is not None:
                self._requesting.cancel()

    def _begin_requests(self, now_s: float) -> None:
        if self._interrupts.once.is_set():
            self._notify("paper: the session ends; a second Ctrl-C ends it at once")
        self._requested_s = now_s
        self._requesting = asyncio.create_task(self._request_end())

    async def _check(self) -> None:
        """Raise what made a process fail; first what only the bus holds goes to disk, if the bus has lost its own."""
        try:
            self._chain.check()
        except IntegrityError:
            await self._chain.save_rest()
            raise

    @property
    def _close_s(self) -> float:
        return self._chain.settings.service.silent_s_max + CLOSE_S

    async def _request_end(self) -> None:
        while True:
            await self._chain.end_data()
            await asyncio.sleep(REPEAT_S)

    def _is_over(self, started_ns: int) -> bool:
        """The recorder ends a session by the times of its frames; in a silent market, which has none, we do."""
        begun_ns = started_ns or self._waiting_ns + START_NS
        return bool(self._duration_ns) and perf_counter_ns() - begun_ns >= self._duration_ns + SILENT_NS

    async def stored(self, last_seq: int, last: tuple[int, str]) -> dict[str, int] | None:
        """Wait for store and file to hold the log, whose last event is `last_seq` and whose last message is `last`.

        What the store holds, None if it does not in time.
        """
        loop = asyncio.get_running_loop()
        until_s = loop.time() + STORE_S
        while loop.time() < until_s:
            self._chain.check()
            status = await self._status(ARCHIVER)
            if status:
                self.is_on_file = (status.get("file_seq", 0), status.get("file_name", "")) == last
            if status and status["counted_seq"] >= last_seq and (self.is_on_file or "file_seq" not in status):
                counts: dict[str, int] = status["counts"]
                return counts
            if status and status["is_failing"]:
                until_s = min(until_s, loop.time() + UNREACHABLE_S)
            if self._interrupts.once.is_set():
                until_s = min(until_s, self._interrupts.requested_s + INTERRUPTED_STORE_S)
            await asyncio.sleep(POLL_S)
        self._notify("paper: the store does not hold all of the log: see services/archiver.log")
        return None

    async def _read_recorder(self) -> None:
        now_s = asyncio.get_running_loop().time()
        if now_s >= self._recorder_s + RECORDER_S:
            self.recorder = await self._status(RECORDER) or self.recorder
            self._recorder_s = now_s

    async def recorder_status(self) -> dict[str, Any] | None:
        """The status of the recorder, now or its last one; None if it never replied."""
        return await self._status(RECORDER) or self.recorder

    async def _status(self, service: str) -> dict[str, Any] | None:
        """The status of a service; after Ctrl-C one that stands still is not waited for."""
        return await self._chain.status(service, INTERRUPTED_STATUS_S if self._interrupts.once.is_set() else STATUS_S)
