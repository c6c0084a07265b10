"""A service as the process that it is: without a bus, with a loop that stands still, and what it exits with."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.integration.runtime.server import Server

PROGRAM = """
import asyncio, time
from mm_core.types import InputError, IntegrityError, UnavailableError
from mm_service.service import run_service

async def start(service):
    {line}

run_service("quoter", start)
"""
PATIENCE_S = 60


@contextmanager
def service(server: Server, line: str, *settings: str) -> Iterator[subprocess.Popen[str]]:
    """A service that does one thing at its start, killed at the end."""
    given = [option for setting in (f"bus.url={server.url}", *settings) for option in ("--set", setting)]
    command = [sys.executable, "-c", PROGRAM.format(line=line), *given]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def printed_line(process: subprocess.Popen[str], text: str) -> str:
    """The first line with a text."""
    assert process.stderr is not None
    return next(line for line in process.stderr if text in line)


def test_without_a_bus_a_service_waits_and_comes_when_it_is_there(server: Server) -> None:
    server.kill()
    with service(server, "print('begun', file=__import__('sys').stderr, flush=True)") as process:
        printed_line(process, "waiting for the bus: [bus] url")
        server.start()
        printed_line(process, "begun")
        process.terminate()
        assert process.wait(PATIENCE_S) == 0


def test_a_service_that_waits_for_the_bus_ends_on_a_signal(server: Server) -> None:
    server.kill()
    with service(server, "pass") as process:
        printed_line(process, "waiting for the bus: [bus] url")
        process.terminate()
        assert process.wait(PATIENCE_S) == 0


def test_a_loop_that_stands_still_ends_the_process_to_be_started_again(server: Server) -> None:
    stands_still = "asyncio.get_running_loop().call_later(0.5, time.sleep, 1000)"
    with service(server, stands_still, "service.silent_s_max=5") as process:
        assert "the event loop has not run for" in printed_line(process, "the event loop")
        assert process.wait(PATIENCE_S) == 75


def test_a_service_that_hangs_in_its_end_ends_all_the_same(server: Server) -> None:
    hangs = "service.on_stop(lambda: asyncio.sleep(1000)); print('begun', file=__import__('sys').stderr, flush=True)"
    with service(server, hangs) as process:
        printed_line(process, "begun")
        process.terminate()
        assert process.wait(PATIENCE_S) == 1


@pytest.mark.parametrize(
    ("error", "code"),
    [("InputError", 2), ("IntegrityError", 3), ("UnavailableError", 75)],
)
def test_an_error_ends_a_service_with_one_line_and_the_code_of_its_remedy(
    server: Server, error: str, code: int
) -> None:
    with service(server, f"raise {error}('because')") as process:
        _, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, err.strip()) == (code, "error: because")


def test_a_bug_ends_a_service_with_its_traceback(server: Server) -> None:
    with service(server, "raise AssertionError('a bug')") as process:
        _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert err.strip().endswith("AssertionError: a bug")
