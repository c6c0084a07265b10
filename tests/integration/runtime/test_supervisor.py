"""Processes that die, hang and print, under the supervisor of a session."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.integration.runtime.group import until

from mm_core.types import InputError, IntegrityError, UnavailableError
from mm_session import log_files
from mm_session.supervisor import Supervisor

NAME = "service"
SLEEPS = "import time; print('up', flush=True); time.sleep(600)"


def python(code: str) -> list[str]:
    """A command that runs some lines."""
    return [sys.executable, "-c", code]


def ends_with(code: int) -> list[str]:
    """A command that prints why and ends."""
    return python(f"import sys; print('error: because of {code}', file=sys.stderr); sys.exit({code})")


async def failed(supervisor: Supervisor) -> BaseException:
    """What made the session fail."""
    async with asyncio.timeout(60):
        await asyncio.wait([supervisor.failed])
    error = supervisor.failed.exception()
    assert error is not None
    return error


@pytest.mark.parametrize(("code", "kind"), [(2, InputError), (3, IntegrityError)], ids=["bad input", "integrity"])
def test_what_no_start_mends_fails_with_the_line_that_was_printed(
    tmp_path: Path, code: int, kind: type[Exception]
) -> None:
    async def run() -> tuple[BaseException, dict[str, int]]:
        supervisor = Supervisor(tmp_path)
        await supervisor.start(NAME, ends_with(code))
        error = await failed(supervisor)
        await supervisor.end_all()
        return error, supervisor.restarts

    error, restarts = asyncio.run(run())
    assert type(error) is kind
    assert str(error) == f"because of {code}"
    assert restarts == {}


@pytest.mark.parametrize("code", [1, 75], ids=["it crashes", "it gives up"])
def test_what_ends_again_and_again_without_a_minute_of_health_fails_in_the_end(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mm_session.supervisor.BACK_OFF_S", 0.001)

    async def run() -> tuple[BaseException, dict[str, int]]:
        supervisor = Supervisor(tmp_path)
        await supervisor.start(NAME, ends_with(code))
        return await failed(supervisor), supervisor.restarts

    error, restarts = asyncio.run(run())
    assert isinstance(error, UnavailableError)
    assert str(error).startswith(f"service ends again and again: because of {code}; see ")
    assert restarts == {NAME: 7}


def is_up(supervisor: Supervisor, restarts: int) -> bool:
    """Whether the service runs, after so many restarts."""
    return supervisor.restarts.get(NAME) == restarts and bool(supervisor.pid(NAME))


async def until_up(path: Path, times: int) -> None:
    """Wait until the service has started so often."""
    await until(lambda: path.exists() and path.read_text().count("up") >= times)


def test_one_that_has_answered_and_falls_silent_is_killed_and_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mm_session.supervisor.CHECK_S", 0.05)
    silent: Sequence[str] = []

    async def answers(name: str) -> bool:
        return name not in silent

    async def run() -> tuple[dict[str, int], bool]:
        nonlocal silent
        supervisor = Supervisor(tmp_path)
        for name in ("server", NAME):
            await supervisor.start(name, python(SLEEPS))
        supervisor.watch_health(answers, "server", 0.5)
        await until_up(tmp_path / f"{NAME}.log", 1)
        await asyncio.sleep(0.3)  # they answer
        silent = [NAME]
        await until(lambda: supervisor.restarts == {NAME: 1})
        silent = ["server"]
        await until(lambda: supervisor.restarts == {NAME: 1, "server": 1})
        await supervisor.end_all()
        return supervisor.restarts, supervisor.failed.done()

    assert asyncio.run(run()) == ({NAME: 1, "server": 1}, False)


def test_one_that_never_answered_may_take_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mm_session.supervisor.CHECK_S", 0.02)
    checks = 0

    async def answers(name: str) -> bool:
        nonlocal checks
        checks += 1
        return name == "server"

    async def run() -> dict[str, int]:
        supervisor = Supervisor(tmp_path)
        await supervisor.start(NAME, python(SLEEPS))
        supervisor.watch_health(answers, "server", 0.1)
        await until(lambda: checks >= 40)
        await supervisor.end_all()
        return supervisor.restarts

    assert asyncio.run(run()) == {}


def test_a_log_is_cut_while_its_service_writes_on(tmp_path: Path) -> None:
    path = tmp_path / "service.log"
    with path.open("ab", buffering=0) as service:
        for number in range(6):
            service.write(b"%d" % number * 100)
            log_files.rotate(path, 50)
        service.write(b"x" * 10)
        log_files.rotate(path, 50)
    left = {each.name: each.read_bytes()[:1] for each in tmp_path.iterdir()}
    assert left == {"service.log": b"x", "service.log.1": b"5", "service.log.2": b"4", "service.log.3": b"3"}
    assert path.stat().st_size == 10
