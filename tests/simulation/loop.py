"""An event loop of asyncio without a clock, sockets or threads: what runs next is decided outside, by a `World`.

Inside one process asyncio itself is deterministic: ready callbacks run in their order, and here they do too. What is
not deterministic is when a message arrives, when a timer fires against it, and when a process is killed. So the loop
runs what is ready, and stops; time stands still until it is moved.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from typing import Any

PROCESS: ContextVar["Process | None"] = ContextVar("PROCESS", default=None)
_DAY_S = 86_400.0


class Process:
    """One process of the simulation: everything that runs in its context. Killed, it does nothing any more."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_alive = True
        self.error: BaseException | None = None
        self.context: Context = copy_context()
        self.context.run(PROCESS.set, self)


class SimLoop(asyncio.AbstractEventLoop):
    """Runs callbacks of processes that are alive, in the order in which they became ready."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.tasks: list[asyncio.Task[Any]] = []
        self.errors: list[dict[str, Any]] = []
        self._ready: deque[asyncio.Handle] = deque()
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._count = 0

    @property
    def is_ready(self) -> bool:
        """True if something can run now."""
        return bool(self._ready)

    def ready_processes(self) -> list[Process]:
        """Whose callbacks are ready, each once, in their order."""
        found = [handle._context.get(PROCESS) for handle in self._ready]  # type: ignore[attr-defined]
        return list(dict.fromkeys(process for process in found if process is not None and process.is_alive))

    def run_turn(self) -> None:
        """Run what is ready now; what that makes ready is left for the next turn, as asyncio does."""
        for _ in range(len(self._ready)):
            handle: Any = self._ready.popleft()
            process = handle._context.get(PROCESS)
            if not handle._cancelled and (process is None or process.is_alive):
                handle._run()

    def next_timer_s(self) -> float | None:
        """When the next timer of a living process fires, None if there is none."""
        while self._timers:
            when_s, _, handle = self._timers[0]
            process = handle._context.get(PROCESS)  # type: ignore[attr-defined]
            if not handle.cancelled() and (process is None or process.is_alive):
                return when_s
            heapq.heappop(self._timers)
        return None

    def fire_timer(self) -> None:
        """Let time pass until the next timer, which becomes ready."""
        when_s = self.next_timer_s()
        assert when_s is not None
        self.now_s = max(self.now_s, when_s)
        self._ready.append(heapq.heappop(self._timers)[2])

    def enter(self) -> None:
        """Be the running loop."""
        asyncio._set_running_loop(self)

    def leave(self) -> None:
        """End all that still waits: nothing is left for the collector to find in some order of its own."""
        for task in self.tasks:
            if not task.done():
                coroutine: Any = task.get_coro()
                try:
                    coroutine.close()
                except (RuntimeError, asyncio.CancelledError):  # it waits for something in its end
                    continue
        self._ready.clear()
        self._timers.clear()
        asyncio._set_running_loop(None)

    def time(self) -> float:
        """Seconds since the begin."""
        return self.now_s

    def call_soon(self, callback: Callable[..., object], *args: Any, context: Context | None = None) -> asyncio.Handle:  # type: ignore[override]
        """Run the callback in the next turn."""
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Run the callback when so many seconds have passed."""
        return self.call_at(self.now_s + min(delay, _DAY_S), callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Run the callback at this time."""
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        self._count += 1
        heapq.heappush(self._timers, (when, self._count, handle))
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """A cancelled timer is passed over when its time has come."""

    def create_future(self) -> "asyncio.Future[Any]":
        """A future of this loop."""
        return asyncio.Future(loop=self)

    def create_task(  # type: ignore[override]
        self, coro: Coroutine[Any, Any, Any], *, name: str | None = None, context: Context | None = None
    ) -> "asyncio.Task[Any]":
        """A task of this loop, which lives to the end of the simulation."""
        task: Any = asyncio.Task(coro, loop=self, name=name, context=context)
        task._log_destroy_pending = False
        self.tasks.append(task)
        return task  # type: ignore[no-any-return]

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> "asyncio.Future[Any]":  # type: ignore[override]  # noqa: ARG002
        """Threads are done in the next turn."""
        future = self.create_future()

        def work() -> None:
            if not future.done():
                future.set_result(func(*args))

        self.call_soon(work)
        return future

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Record what no one caught."""
        self.errors.append(context)

    def get_debug(self) -> bool:
        """Never."""
        return False

    def is_running(self) -> bool:
        """Always."""
        return True

    def is_closed(self) -> bool:
        """Never."""
        return False
