"""Sessions that are killed, or whose disk fails: all stays, `verify` agrees, `resume` ends as if nothing had been.

`make sessions` runs them; SESSION_KILLS=50 kills the command at so many random moments.
"""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from tests.session import children, environment, log_bytes, log_position, paper_command, session, summary_of
from tests.sessions.processes import killed_at, until_ended

KILLS = int(os.environ.get("SESSION_KILLS", "6"))
SESSION_S = 300.0
EQUAL = ("orders", "fills", "position", "pnl", "digests", "store")
BAD_LINE = 3_000
STANDS_S = 5.0

pytestmark = pytest.mark.slow
Undisturbed = tuple[dict[str, Any], list[bytes], int]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """Summary and log of a session that nothing happens to, and how many bytes its log had on the bus."""
    folder = tmp_path_factory.mktemp("undisturbed")
    with session(paper_command(folder / "out"), folder) as process:
        summary = summary_of(process, SESSION_S)
    log = log_bytes(folder / "out")
    return summary, log, sum(len(event) + 150 for event in log)


def command(state: Path, *arguments: str, timeout_s: float = SESSION_S) -> subprocess.CompletedProcess[str]:
    """A command of a user, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "mm_cli", *arguments],
        env=environment(state),
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def check_resumed(state: Path, out: Path, undisturbed: Undisturbed, *options: str) -> None:
    """What is there is complete; a resumed session ends like one that nothing happened to."""
    expected, log, _ = undisturbed
    verified = command(state, "verify", "--session", str(out), "--json")
    assert verified.returncode == 0, verified.stderr[-2000:]
    ended = command(state, "resume", "--session", str(out), "--json", *options)
    assert ended.returncode == 0, ended.stderr[-2000:]
    summary = json.loads(ended.stdout.splitlines()[-1])
    assert {key: summary[key] for key in EQUAL} == {key: expected[key] for key in EQUAL}
    assert log_bytes(out) == log
    assert command(state, "verify", "--session", str(out)).returncode == 0


@pytest.mark.parametrize("number", range(KILLS))
def test_a_session_whose_command_is_killed_is_resumed(number: int, tmp_path: Path, undisturbed: Undisturbed) -> None:
    chance = random.Random(f"killed {number}")  # noqa: S311
    out = tmp_path / "out"
    place = chance.randrange(1, int(0.95 * undisturbed[2]))
    with session(paper_command(out), tmp_path) as process:
        assert killed_at(process, place, lambda: log_position(out), SESSION_S)
    assert (out / "bus").is_dir()
    check_resumed(tmp_path, out, undisturbed)


def test_a_second_interrupt_ends_at_once_and_loses_nothing(tmp_path: Path, undisturbed: Undisturbed) -> None:
    out = tmp_path / "out"
    with session(paper_command(out, "--speed", "4"), tmp_path) as process:
        while log_position(out) < undisturbed[2] // 3:
            assert process.poll() is None
        services = children(process.pid)
        assert process.stderr is not None
        process.send_signal(signal.SIGINT)
        while "a second Ctrl-C" not in (line := process.stderr.readline()):
            assert line, "it ended at the first one"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=10.0)
        assert process.returncode == 130
        assert "Traceback" not in err
        assert f"resume --session {out}" in err
    until_ended(services)
    verified = command(tmp_path, "verify", "--session", str(out))
    assert verified.returncode == 0, verified.stderr[-2000:]


def test_a_bus_whose_folder_is_deleted_is_restored_from_the_file(tmp_path: Path, undisturbed: Undisturbed) -> None:
    out = tmp_path / "out"
    with session(paper_command(out, "--speed", "20"), tmp_path) as process:
        while log_position(out) < undisturbed[2] // 3:
            assert process.poll() is None
        shutil.rmtree(out / "bus")
        _, err = process.communicate(timeout=SESSION_S)
        assert process.returncode == 1, err[-2000:]
    check_resumed(tmp_path, out, undisturbed)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 24 MB."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(disk)], check=False)  # noqa: S607
    if mounted.returncode:
        pytest.skip("no disk can be mounted here")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)  # noqa: S607


def fill(disk: Path) -> Path:
    """Fill a disk with one file."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    return filler


def until_it_stands(process: subprocess.Popen[str], out: Path) -> None:
    """Wait until the log has not grown for some seconds."""
    size, since_s = log_position(out), monotonic()
    while monotonic() - since_s < STANDS_S:
        assert process.poll() is None
        if (now := log_position(out)) != size:
            size, since_s = now, monotonic()


def test_a_session_waits_for_room_and_can_be_ended_meanwhile(
    small_disk: Path, tmp_path: Path, undisturbed: Undisturbed
) -> None:
    out = small_disk / "out"
    with session(paper_command(out, "--speed", "20"), tmp_path) as process:
        while log_position(out) < undisturbed[2] // 4:
            assert process.poll() is None
        filler = fill(small_disk)
        until_it_stands(process, out)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=SESSION_S)
        assert process.returncode == 130, err[-2000:]
        assert f"resume --session {out}" in err
    filler.unlink()
    subprocess.run(["mount", "-o", "remount,size=400m", str(small_disk)], check=True)  # noqa: S607
    check_resumed(tmp_path, out, undisturbed)


def test_a_bad_line_ends_the_session_and_salvage_resumes(tmp_path: Path) -> None:
    import gzip

    from tests.session import SAMPLE

    lines = gzip.decompress(SAMPLE.read_bytes()).splitlines(keepends=True)
    damaged = tmp_path / "damaged.txt"
    damaged.write_bytes(b"".join([*lines[:BAD_LINE], lines[BAD_LINE][:20] + b"\n", *lines[BAD_LINE:]]))
    source = f"replay:{damaged}"
    sizes = ["--tick", "0.01", "--lot", "0.0001"]  # else all lines are read before the start
    arguments = [
        "paper",
        "--symbol",
        "SYNTH",
        "--source",
        source,
        *sizes,
        "--config",
        "deploy/config/paper.toml",
        "--json",
    ]
    complete = command(tmp_path, *arguments, "--salvage", "--out", str(tmp_path / "complete"))
    assert complete.returncode == 0, complete.stderr[-2000:]
    expected = json.loads(complete.stdout.splitlines()[-1])
    out = tmp_path / "out"
    failed = command(tmp_path, *arguments, "--out", str(out))
    assert failed.returncode == 2
    assert f"{damaged}:{BAD_LINE + 1}" in failed.stderr
    check_resumed(tmp_path, out, (expected, log_bytes(tmp_path / "complete"), 0), "--salvage")
