"""Sessions end, whatever they are in the middle of: by their duration, by a signal, at once by a second one."""

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from tests.session import (
    SAMPLE,
    children,
    environment,
    log_bytes,
    log_position,
    paper_command,
    service_pid,
    session,
    summary_of,
)
from tests.venue.served import served

SESSION_S = 240.0
SUMMARY_S = 8.0  # five on a machine that has nothing else to do
QUOTES = ["--set", "quoter.strategy=fixed_spread", "--set", "bus.tick_grace_ms=2000"]
TRADES_BYTES = 60_000  # of a log in which orders are
Session = subprocess.Popen[str]


@contextmanager
def live(folder: Path, *options: str) -> Iterator[Session]:
    """A live session on a venue that plays the sample."""
    with served(folder, "--source", str(SAMPLE), "--symbol", "SYNTH", "--speed", "1") as venue:
        addresses = ["--set", f"venue.ws_url=ws://{venue.plain}", "--set", f"venue.rest_url=http://{venue.plain}"]
        command = paper_command(folder / "out", *addresses, *QUOTES, "--symbol", "SYNTH", *options, source="live")
        with session(command, folder / "state") as process:
            yield process


def wait_for(process: Session, holds: Callable[[], object]) -> None:
    """Wait for something outside of the session, while it runs."""
    until_s = monotonic() + SESSION_S
    while not holds():
        assert process.poll() is None, process.communicate()[1][-2000:]
        assert monotonic() < until_s
        sleep(0.01)


def until_log(process: Session, out: Path, size: int = TRADES_BYTES) -> None:
    """Wait until the log on the bus has so many bytes."""
    wait_for(process, lambda: log_position(out) >= size)


def ended(process: Session, *signals: int) -> tuple[int, str, str, float]:
    """Send signals; exit code, what was printed, how long it took. Nothing that it started is left."""
    services = children(process.pid)
    began_s = monotonic()
    for number in signals:
        process.send_signal(number)
    out, err = process.communicate(timeout=SESSION_S)
    took_s = monotonic() - began_s
    assert "Traceback" not in err
    assert [pid for pid in services if is_running(pid)] == []
    return process.returncode, out, err, took_s


def is_running(pid: int) -> bool:
    """False for a process that has ended, or a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def resumed(folder: Path, *options: str) -> Any:
    """The summary of a session that is resumed."""
    command = [sys.executable, "-m", "mm_cli", "resume", "--session", str(folder / "out"), "--json", *options]
    done = subprocess.run(
        command, env=environment(folder / "state"), capture_output=True, text=True, timeout=SESSION_S, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_a_short_live_session_ends_by_itself(tmp_path: Path) -> None:
    with live(tmp_path, "--duration", "3s") as process:
        summary = summary_of(process, SESSION_S)
    assert summary["closed"]
    assert summary["market_s"] < 10


def test_a_frozen_recorder_does_not_keep_the_session_from_ending(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with live(tmp_path) as process:
        until_log(process, out)
        os.kill(service_pid(process.pid, "recorder"), signal.SIGSTOP)
        code, printed, err, took_s = ended(process, signal.SIGINT)
    summary = json.loads(printed.splitlines()[-1])
    assert (code, summary["closed"]) == (130, False)
    assert f"the session is in {out}: `crypto-mm resume --session {out}` goes on with it" in err
    assert took_s < SUMMARY_S
    assert not (out / "manifest.json").exists()


@pytest.mark.slow
def test_a_session_that_was_ended_at_once_is_resumed_to_the_same_end(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with session(paper_command(tmp_path / "whole"), tmp_path / "state") as process:
        expected = summary_of(process, SESSION_S)
    with session(paper_command(out), tmp_path / "state") as process:
        until_log(process, out, 300_000)
        process.send_signal(signal.SIGINT)
        sleep(0.02)  # two of a kind that come together are one
        code, printed, err, took_s = ended(process, signal.SIGINT)
    assert (code, printed) == (130, "")
    assert err.splitlines()[-1].startswith(f"interrupted: the session is in {out}: ")
    assert took_s < SUMMARY_S
    summary = resumed(tmp_path)
    assert {key: summary[key] for key in ("digests", "store", "pnl")} == {
        key: expected[key] for key in ("digests", "store", "pnl")
    }
    again = subprocess.run(
        [sys.executable, "-m", "mm_cli", "resume", "--session", str(out)], capture_output=True, text=True, check=False
    )
    assert again.returncode == 2
    assert "has ended" in again.stderr


def test_what_a_killed_command_leaves_is_named_and_its_folder_refused(tmp_path: Path) -> None:
    out, state = tmp_path / "out", tmp_path / "state"

    def crypto_mm(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "mm_cli", *arguments]
        return subprocess.run(command, env=environment(state), capture_output=True, text=True, check=False)

    paper = ["paper", "--symbol", "SYNTH", "--source", f"replay:{SAMPLE}", "--out", str(out)]
    with session(paper_command(out, "--speed", "4"), state) as process:
        until_log(process, out)
        running = crypto_mm("resume", "--session", str(out), "--json")
        assert (running.returncode, "session that is resumed" in running.stderr) == (2, True)  # it runs: trade again
        refused = crypto_mm(*paper)
        assert refused.returncode == 2
        process.kill()
        process.wait()
    refused = crypto_mm(*paper)
    assert refused.returncode == 2
    assert f"error: --out {out}: holds bus; expected a new or empty folder, or `crypto-mm resume" in refused.stderr
    status = crypto_mm("status")
    assert f"was killed: crypto-mm resume --session {out}" in status.stderr
    assert status.stdout == "no session runs on this machine\n"


@pytest.mark.slow
def test_a_live_session_resumes_for_what_is_left_of_its_duration(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with live(tmp_path, "--duration", "20s") as process:
        until_log(process, out)
        process.kill()
        process.wait()
        began_s = monotonic()
        summary = resumed(tmp_path)
        assert monotonic() - began_s < 2 * 20
    assert summary["closed"]
    assert log_bytes(out)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
@pytest.mark.parametrize("after_s", [0.2, 1.0, 3.0])
def test_a_signal_in_the_first_seconds_ends_the_session(tmp_path: Path, number: int, after_s: float) -> None:
    with live(tmp_path) as process:
        sleep(after_s)
        code, _, _, took_s = ended(process, number)
    assert code in {130, -number}  # before it has begun, the signal ends it
    assert took_s < SUMMARY_S


@pytest.mark.slow
@pytest.mark.parametrize("after_s", [0.0, 0.5, 2.0])
def test_a_signal_while_services_start_ends_the_session(tmp_path: Path, after_s: float) -> None:
    with live(tmp_path) as process:
        wait_for(process, lambda: list((tmp_path / "state").glob("*.json")))
        sleep(after_s)
        code, printed, _, took_s = ended(process, signal.SIGINT)
    assert code == 130
    assert "closed" in json.loads(printed.splitlines()[-1])
    assert took_s < SUMMARY_S


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGSTOP, signal.SIGKILL], ids=["frozen", "killed"])
@pytest.mark.parametrize("name", ["recorder", "sequencer", "quoter", "archiver", "nats-server"])
def test_whoever_is_away_a_signal_ends_the_session(tmp_path: Path, name: str, sent: int) -> None:
    with live(tmp_path) as process:
        until_log(process, tmp_path / "out")
        os.kill(service_pid(process.pid, name), sent)
        code, printed, err, took_s = ended(process, signal.SIGINT)
    assert code == 130
    assert json.loads(printed.splitlines()[-1])["closed"] or "resume --session" in err
    assert took_s < SUMMARY_S


@pytest.mark.slow
@pytest.mark.parametrize("number", range(6))
def test_a_second_signal_at_any_moment_loses_nothing(tmp_path: Path, number: int) -> None:
    chance = random.Random(number)  # noqa: S311
    out = tmp_path / "out"
    with session(paper_command(out), tmp_path / "state") as process:
        until_log(process, out, chance.randrange(5_000, 1_500_000))
        process.send_signal(signal.SIGINT)
        sleep(chance.uniform(0.02, 1.5))
        code, _, _, took_s = ended(process, signal.SIGINT)
    assert code == 130
    assert took_s < SUMMARY_S
    if not (out / "manifest.json").exists():
        assert resumed(tmp_path)["orders"] == 322


@pytest.mark.slow
@pytest.mark.parametrize("name", ["recorder", "nats-server"])
def test_a_duration_ends_though_somebody_dies_at_that_moment(tmp_path: Path, name: str) -> None:
    with live(tmp_path, "--duration", "6s") as process:
        until_log(process, tmp_path / "out")
        for _ in range(4):
            sleep(1.0)
            if pid := service_pid(process.pid, name):
                os.kill(pid, signal.SIGKILL)
        code, _, err, _ = ended(process)
    assert code == 0 or "no book of SYNTH was ever proven" in err  # by the recorder that began last
