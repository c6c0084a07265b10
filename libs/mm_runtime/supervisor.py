"""Starts the processes of a session, starts those again that die, and ends them."""

import asyncio
import ctypes
import logging
import signal
import sys
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from mm_core.types import InputError

log = logging.getLogger(__name__)

BAD_INPUT = 2
# A process that dies of itself so often within so many seconds does not get better by another start.
DEATHS_MAX = 8
DEATHS_S = 20.0
END_S = 10.0
LINUX = sys.platform == "linux"
PRCTL: Any = ctypes.CDLL(None).prctl if LINUX else None
PR_SET_PDEATHSIG = 1
KILLED = (-signal.SIGKILL, -signal.SIGTERM)


def _end_with_parent() -> None:
    """In a new process: be told to end when the session dies without ending us."""
    PRCTL(PR_SET_PDEATHSIG, signal.SIGTERM)


class _Program(msgspec.Struct):
    name: str
    command: Sequence[str]
    process: asyncio.subprocess.Process | None = None
    deaths: deque[float] = msgspec.field(default_factory=lambda: deque(maxlen=DEATHS_MAX))
    restarts: int = 0
    watch: asyncio.Task[None] | None = None


class Supervisor:
    """The processes of one session; what they print goes to `<folder>/<name>.log`.

    `failed` ends with an InputError if a process refuses its input or dies again and again.
    """

    def __init__(self, folder: Path) -> None:
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._folder = folder
        self._programs: dict[str, _Program] = {}
        self._ending = False
        folder.mkdir(parents=True, exist_ok=True)

    async def start(self, name: str, command: Sequence[str]) -> None:
        """Run a command from here on."""
        program = self._programs[name] = _Program(name, command)
        await self._spawn(program)
        program.watch = asyncio.create_task(self._watch(program))

    @property
    def restarts(self) -> dict[str, int]:
        """How often each process had to be started again, but those that never had."""
        return {name: program.restarts for name, program in self._programs.items() if program.restarts}

    def pid(self, name: str) -> int:
        """The process id of a program, 0 while it has none."""
        process = self._programs[name].process
        return process.pid if process is not None and process.returncode is None else 0

    async def end(self, name: str) -> None:
        """End one process: politely, then by force."""
        program = self._programs[name]
        if program.watch is not None:
            program.watch.cancel()
        process = program.process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(END_S):
                await process.wait()
        except TimeoutError:
            log.warning("%s did not end within %.0f s: killed", name, END_S)
            process.kill()
            await process.wait()

    async def end_all(self) -> None:
        """End all processes at once but the first, which the others talk through, and then that."""
        self._ending = True
        for names in (list(self._programs)[1:], list(self._programs)[:1]):
            await asyncio.gather(*(self.end(name) for name in names))

    async def _spawn(self, program: _Program) -> None:
        with (self._folder / f"{program.name}.log").open("ab") as file:
            program.process = await asyncio.create_subprocess_exec(
                *program.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
                preexec_fn=_end_with_parent if LINUX else None,
            )

    async def _watch(self, program: _Program) -> None:
        loop = asyncio.get_running_loop()
        while not self._ending:
            assert program.process is not None
            code = await program.process.wait()
            if self._ending:
                return
            if code not in KILLED:
                program.deaths.append(loop.time())
            if code == BAD_INPUT or (len(program.deaths) == DEATHS_MAX and loop.time() - program.deaths[0] < DEATHS_S):
                self._fail(program, code)
                return
            program.restarts += 1
            log.warning("%s ended with %d: started again", program.name, code)
            await self._spawn(program)

    def _fail(self, program: _Program, code: int) -> None:
        path = self._folder / f"{program.name}.log"
        lines = path.read_text(errors="replace").strip().splitlines()
        said = lines[-1].removeprefix("error: ") if lines else "it said nothing"
        if not self.failed.done():
            message = said if code == BAD_INPUT else f"{program.name} dies again and again: {said}; see {path}"
            self.failed.set_exception(InputError(message))
