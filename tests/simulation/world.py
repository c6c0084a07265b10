"""Everything between the processes of a simulation: messages on their way, time, and faults.

A message is always in one queue: from a process to the server, in the server before the stream or the API, in a
consumer, or from the server to a process. A queue is in order; which queue moves next is the schedule's.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from tests.simulation.loop import Process, SimLoop
from tests.simulation.schedule import ORDER, TIME, Option, Schedule

STEPS_MAX = 60_000
TIME_S_MAX = 120.0
# Kinds of faults, each of which a scenario may have or not.
LOSE, DOUBLE, CUT, KILL, REFUSE, LEADER, CRASH, SHORTER, SECOND = FAULTS = (
    "lose",  # one message
    "double",  # one message
    "cut",  # a connection, with the ends of what was in flight
    "kill",  # a process, which is started again
    "refuse",  # an append
    "leader",  # another one: what was not stored is lost, and so are consumers and requests
    "crash",  # of the server: all connections, and what it had not stored
    "shorter",  # a crash that loses what was stored and acknowledged
    "second",  # another sequencer is started beside the one that lives
)


class HangError(AssertionError):
    """Nothing moves, or something moves for ever."""


class Queue:
    """Messages of one way, in their order. `owner` is what a fault of this way hits."""

    def __init__(self, world: "World", name: str, owner: Any = None) -> None:
        self.name = name
        self.owner = owner
        self.is_down = name.startswith("down")  # to a process
        self.is_wire = self.is_down or name.startswith("up")
        self.items: deque[tuple[int, str, Callable[..., None], tuple[Any, ...]]] = deque()
        self._world = world
        world.queues.append(self)

    def put(self, text: str, act: Callable[..., None], *args: Any) -> None:
        """A message goes on its way; `act` is its arrival."""
        world = self._world
        world.stamp += 1
        self.items.append((world.stamp, text, act, args))
        world.order.append((world.stamp, self))

    def deliver(self) -> None:
        """The first one arrives."""
        _, text, act, args = self.items.popleft()
        if self._world.trace is not None:
            self._world.note(f"{self.name}: {text}")
        act(*args)


class World:
    """One run: a loop, the ways of messages, a schedule. `faults` are the kinds that may happen."""

    def __init__(self, schedule: Schedule, faults: tuple[str, ...] = (), *, traces: bool = False) -> None:
        self.loop = SimLoop()  # type: ignore[abstract]  # what it has not, nobody calls
        self.schedule = schedule
        self.faults = faults
        self.queues: list[Queue] = []
        self.order: deque[tuple[int, Queue]] = deque()
        self.stamp = 0
        self.steps = 0
        self.trace: list[str] | None = [] if traces else None
        self.processes: list[Process] = []
        self.failures: list[tuple[Process, BaseException]] = []
        self.happened: list[str] = []
        self.server: Any = None
        self.on_kill: Callable[[Process], None] = lambda _process: None
        self.on_second: Callable[[], None] | None = None

    def note(self, text: str) -> None:
        """Write a line of the trace."""
        if self.trace is not None:
            self.trace.append(f"{self.loop.now_s:8.3f}  {text}")

    def spawn(self, process: Process, start: Callable[[], Any]) -> None:
        """Begin a process."""
        self.processes.append(process)
        self.note(f"{process.name} starts")
        task = self.loop.create_task(start(), context=process.context)
        task.add_done_callback(lambda done: self._started(process, done))

    def _started(self, process: Process, task: "asyncio.Task[Any]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.fail(process, error)

    def fail(self, process: Process, error: BaseException) -> None:
        """A process stops by itself."""
        if process.is_alive:
            self.note(f"{process.name} stops: {type(error).__name__}: {error}")
            process.is_alive, process.error = False, error
            self.failures.append((process, error))
            self.server.hang_up(process)

    def run(self, is_done: Callable[[], bool]) -> None:
        """Run until done; HangError if that never comes."""
        loop = self.loop
        while True:
            while loop.is_ready:
                loop.run_turn()
                if loop.is_ready:
                    self._maybe_early()
            if is_done():
                return
            self.steps += 1
            if self.steps > STEPS_MAX or loop.now_s > TIME_S_MAX:
                raise HangError(f"not done after {self.steps} steps and {loop.now_s:.1f} s")
            self._move()

    def drain(self) -> None:
        """Let everything arrive that is on its way; no time passes."""
        while (queue := self._next()) is not None or self.loop.is_ready:
            self.loop.run_turn()
            if queue is not None:
                queue.deliver()

    def _next(self) -> Queue | None:
        """The queue whose first message is the oldest."""
        order = self.order
        while order:
            stamp, queue = order[0]
            if queue.items and queue.items[0][0] == stamp:
                return queue
            order.popleft()
        return None

    def _move(self) -> None:
        queue = self._next()
        if queue is None:
            if self.loop.next_timer_s() is None:
                raise HangError("nothing is on its way, and nobody waits for a time")
            self.loop.fire_timer()
            return
        option = self.schedule.choose(lambda: self._options(queue))
        if option is None:
            queue.deliver()
            return
        self.note(f"* {option.kind}: {option.text}")
        if option.kind not in {ORDER, TIME}:
            self.happened.append(option.kind)
        option.act()

    def _maybe_early(self) -> None:
        """Between two turns of a process, its next message may arrive."""
        early = [queue for queue in self.queues if queue.items and queue.is_down]
        if early:
            ready = self.loop.ready_processes()
            early = [queue for queue in early if queue.owner.process in ready]
        if early:
            option = self.schedule.choose(lambda: [self._earlier(queue) for queue in early])
            if option is not None:
                self.note(f"* {option.kind}: {option.text}")
                option.act()

    def _earlier(self, queue: Queue) -> Option:
        return Option(ORDER, f"{queue.name} first: {queue.items[0][1]}", queue.deliver)

    def _options(self, queue: Queue) -> list[Option]:
        self.queues = [each for each in self.queues if each.items or each.owner is None or each.owner.is_open]
        found = [self._earlier(each) for each in self.queues if each.items and each is not queue]
        if (when_s := self.loop.next_timer_s()) is not None:
            found.append(Option(TIME, f"messages are slow, it is {when_s:.3f}", self.loop.fire_timer))
        for fault in self.faults:
            found += getattr(self, f"_{fault}")(queue)
        return found

    def _lose(self, queue: Queue) -> list[Option]:
        if not queue.is_wire and not queue.name.startswith("stream"):
            return []
        if queue.items[0][1].startswith("("):  # of the connection itself, not a message
            return []
        return [Option(LOSE, f"{queue.name}: {queue.items[0][1]}", lambda: queue.items.popleft() and None)]

    def _double(self, queue: Queue) -> list[Option]:
        if not queue.is_wire or queue.items[0][1].startswith("("):
            return []

        def act() -> None:
            _, text, arrive, args = queue.items[0]
            queue.put(text, arrive, *args)
            queue.deliver()

        return [Option(DOUBLE, f"{queue.name}: {queue.items[0][1]}", act)]

    def _cut(self, queue: Queue) -> list[Option]:
        connection = queue.owner
        if not queue.is_wire or not connection.is_open:
            return []
        ways = ((False, False, "all is lost"), (True, False, "what it sent arrives"), (True, True, "both ends arrive"))
        return [
            Option(CUT, f"{connection.process.name}: {text}", lambda up=up, down=down: connection.cut(up, down))  # type: ignore[misc]
            for up, down, text in ways
        ]

    def _kill(self, queue: Queue) -> list[Option]:
        connection = queue.owner
        if not queue.is_wire or not connection.is_open:
            return []
        return [
            Option(KILL, f"{connection.process.name}: {text}", lambda up=up: self.kill(connection.process, up))  # type: ignore[misc]
            for up, text in ((False, "what it sent is lost"), (True, "what it sent arrives"))
        ]

    def kill(self, process: Process, up: bool) -> None:
        """SIGKILL; `up`: what the process has written to its socket arrives."""
        process.is_alive = False
        self.server.hang_up(process, up)
        self.on_kill(process)

    def _refuse(self, queue: Queue) -> list[Option]:
        return self._of_stream(queue, REFUSE, self.server.refuse)

    def _leader(self, queue: Queue) -> list[Option]:
        return self._of_stream(queue, LEADER, self.server.change_leader)

    def _crash(self, queue: Queue) -> list[Option]:
        return self._of_stream(queue, CRASH, lambda _queue: self.server.crash(0))

    def _shorter(self, queue: Queue) -> list[Option]:
        if not queue.name.startswith("stream"):
            return []
        return [
            Option(SHORTER, f"by {lost}", lambda lost=lost: self.server.crash(lost))  # type: ignore[misc]
            for lost in (1, 2)
            if lost <= self.server.log_length
        ]

    def _second(self, queue: Queue) -> list[Option]:
        if self.on_second is None or queue.owner is None:
            return []

        def act() -> None:
            start, self.on_second = self.on_second, None
            assert start is not None
            start()

        return [Option(SECOND, "sequencer", act)]

    @staticmethod
    def _of_stream(queue: Queue, kind: str, act: Callable[[Queue], None]) -> list[Option]:
        if not queue.name.startswith("stream"):
            return []
        return [Option(kind, queue.items[0][1], lambda: act(queue))]
