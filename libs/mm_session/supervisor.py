"""Starts the processes of a session, starts those again that die or fall silent, and ends them."""

import asyncio
import ctypes
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from mm_core.types import InputError, IntegrityError, UnavailableError
from mm_service.service import BAD_INPUT, INTEGRITY
from mm_session.log_files import last_line, rotate

log = logging.getLogger(__name__)

# Deaths of a process in a row, without a minute of health in between: it does not get better by another start.
DEATHS_MAX = 8
BACK_OFF_S, BACK_OFF_S_MAX = 0.1, 10.0
HEALTHY_S = 60.0  # after which a death counts as the first one
END_S = 10.0
CHECK_S = 5.0
LINUX = sys.platform == "linux"
PRCTL: Any = ctypes.CDLL(None).prctl if LINUX else None
PR_SET_PDEATHSIG = 1
KILLED = (-signal.SIGKILL, -signal.SIGTERM)
IsAlive = Callable[[str], Awaitable[bool]]


def _end_with_parent() -> None:
    """In a new process: get a signal to end when the session dies without ending us."""
    PRCTL(PR_SET_PDEATHSIG, signal.SIGTERM)


class _Program(msgspec.Struct):
    name: str
    command: Sequence[str]
    process: asyncio.subprocess.Process | None = None
    deaths: int = 0  # in a row, of itself
    restarts: int = 0
    replied_s: float = 0.0  # when this process replied first; 0: it has not yet
    silent_s: float = 0.0  # since it replied last
    watch: asyncio.Task[None] | None = None


class Supervisor:
    """The processes of one session; their output is in `<folder>/<name>.log`.

    `failed` ends with the error of a process that no start mends: InputError where it refuses its input, IntegrityError
    where what is stored is not what was written, UnavailableError where it ends again and again.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None, files: Sequence[int] = ()) -> None:
        """Each process has `environment` (ours, if None) and inherits the open `files`."""
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._folder = folder
        self._environment = environment
        self._files = tuple(files)
        self._programs: dict[str, _Program] = {}
        self._ending = False
        self._health: asyncio.Task[None] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    async def start(self, name: str, command: Sequence[str]) -> None:
        """Run a command from here on."""
        program = self._programs[name] = _Program(name, command)
        await self._spawn(program)
        program.watch = asyncio.create_task(self._watch(program))

    def watch_health(self, is_alive: IsAlive, server: str, silent_s_max: float) -> None:
        """Check each process every few seconds; one that has replied before and is silent for so long is killed.

        While the `server`, through which the others are checked, is silent, the others may be.
        """
        self._health = asyncio.create_task(self._watch_health(is_alive, server, silent_s_max))

    @property
    def has_begun(self) -> bool:
        """True once a process was started."""
        return bool(self._programs)

    @property
    def restarts(self) -> dict[str, int]:
        """How often each process had to be started again, but those that never had."""
        return {name: program.restarts for name, program in self._programs.items() if program.restarts}

    @property
    def waiting(self) -> list[str]:
        """Processes that do not run now: they are started again after a pause."""
        return [program.name for program in self._programs.values() if not self.pid(program.name)]

    def pid(self, name: str) -> int:
        """The process id of a program, 0 while it has none."""
        process = self._programs[name].process
        return process.pid if process is not None and process.returncode is None else 0

    async def end(self, name: str, within_s: float = END_S) -> None:
        """End one process: politely, then by force."""
        program = self._programs[name]
        if program.watch is not None:
            program.watch.cancel()
        process = program.process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(within_s):
                await process.wait()
        except TimeoutError:
            log.warning("%s did not end within %.0f s: killed", name, within_s)
            process.kill()
            await process.wait()

    async def end_all(self, within_s: float = END_S, at_once: Sequence[str] = ()) -> None:
        """End all processes together but the first, through which the others communicate, and then that.

        Those `at_once` are ended by force: they have nothing to finish.
        """
        self._ending = True
        if self._health is not None:
            self._health.cancel()
        for name in at_once:
            self._send(name, signal.SIGKILL)
        for name in self._programs:
            self._send(name, signal.SIGCONT)  # one that was stopped could not end politely
        for names in (list(self._programs)[1:], list(self._programs)[:1]):
            await asyncio.gather(*(self.end(name, within_s) for name in names))

    def kill_all(self) -> None:
        """End all processes by force, without waiting."""
        self._ending = True
        for name in self._programs:
            self._send(name, signal.SIGKILL)

    def _send(self, name: str, number: int) -> None:
        if name in self._programs and (pid := self.pid(name)):
            os.kill(pid, number)

    async def _spawn(self, program: _Program) -> None:
        program.replied_s = program.silent_s = 0.0
        with (self._folder / f"{program.name}.log").open("ab") as file:  # to append: the log may be cut while it runs
            program.process = await asyncio.create_subprocess_exec(
                *program.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env=self._environment,
                start_new_session=True,
                pass_fds=self._files,
                preexec_fn=_end_with_parent if LINUX else None,
            )

    async def _watch(self, program: _Program) -> None:
        while True:
            assert program.process is not None
            code = await program.process.wait()
            if self._ending or self._ends_session(program, code):
                return
            pause_s = min(BACK_OFF_S * 2.0 ** max(program.deaths - 1, 0), BACK_OFF_S_MAX)
            log.warning("%s ended with %d: started again in %.1f s", program.name, code, pause_s)
            await asyncio.sleep(pause_s)
            program.restarts += 1
            await self._spawn(program)

    def _ends_session(self, program: _Program, code: int) -> bool:
        """Count a death, and fail where no other start helps."""
        now_s = asyncio.get_running_loop().time()
        if code in KILLED:  # by somebody else: that is no sign that it would die again
            return False
        if program.replied_s and now_s - program.replied_s >= HEALTHY_S:
            program.deaths = 0
        program.deaths += 1
        name, path = program.name, self._folder / f"{program.name}.log"
        printed = last_line(path) or "it printed nothing"
        if code == BAD_INPUT:
            self._fail(InputError(printed))
        elif code == INTEGRITY:
            self._fail(IntegrityError(printed))
        elif program.deaths >= DEATHS_MAX:
            self._fail(UnavailableError(f"{name} ends again and again: {printed}; see {path}"))
        return self.failed.done()

    def _fail(self, error: Exception) -> None:
        if not self.failed.done():
            self.failed.set_exception(error)

    async def _watch_health(self, is_alive: IsAlive, server: str, silent_s_max: float) -> None:
        loop = asyncio.get_running_loop()
        while True:
            began_s = loop.time()
            await asyncio.sleep(CHECK_S)
            for name in self._programs:
                rotate(self._folder / f"{name}.log")
            is_through = await is_alive(server)
            others = [name for name in self._programs if name != server] if is_through else []
            are_alive = await asyncio.gather(*(is_alive(name) for name in others))
            # We may have stood still ourselves, with everybody else: that does not count as silence.
            passed_s = min(loop.time() - began_s, 2 * CHECK_S)
            for name, has_replied in zip([server, *others], [is_through, *are_alive], strict=True):
                if name in self._programs:
                    self._judge(self._programs[name], passed_s, silent_s_max, has_replied=has_replied)

    def _judge(self, program: _Program, passed_s: float, silent_s_max: float, *, has_replied: bool) -> None:
        pid = self.pid(program.name)
        if not pid:
            return
        if has_replied:
            program.replied_s = program.replied_s or asyncio.get_running_loop().time()
            program.silent_s = 0.0
        elif program.replied_s:
            program.silent_s += passed_s
        if program.silent_s >= silent_s_max:
            log.error("%s has not replied for %.0f s: killed", program.name, program.silent_s)
            os.kill(pid, signal.SIGKILL)
