"""Recorders that are killed in a session, or lose their folder: what the summary shows, and what is on disk."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tests.session import CONFIG, SAMPLE, paper_command, service_pid, session, summary_of
from tests.venue.served import served

from mm_core.events import Trade
from mm_core.types import NS_PER_S
from mm_store.log_file import read_log
from mm_store.ws_lines import WsLines
from mm_venues import control

SECONDS = 14
KILLS = 2
END_S = 180.0
QUOTES = ["--set", "quoter.strategy=fixed_spread", "--set", "fixed_spread.half_spread_ticks=2.0"]


def until(process: subprocess.Popen[str], holds: Callable[[], object]) -> None:
    """Wait for what a session does while it runs."""
    ends_s = time.monotonic() + END_S
    while not holds():
        assert process.poll() is None, process.communicate()[1][-2000:]
        assert time.monotonic() < ends_s, "it does not come"
        time.sleep(0.02)


def stored(folder: Path) -> dict[str, Any]:
    """What the recorder keeps for its next process."""
    try:
        return dict(json.loads((folder / "recorder_main.json").read_bytes()))
    except FileNotFoundError:
        return {"frames": 0, "starts": 0}


def frames(folder: Path) -> list[tuple[int, bytes]]:
    """What was recorded."""
    return list(WsLines(sorted((folder / "frames").glob("*.ws.gz"))))


def kill_recorder(process: subprocess.Popen[str], folder: Path, times: int) -> None:
    """Kill it whenever some more frames are on disk."""
    for start in range(1, times + 1):
        until(process, partial(has_more, folder, stored(folder)["frames"] + 30, start))
        os.kill(service_pid(process.pid, "recorder"), signal.SIGKILL)


def has_more(folder: Path, frames: int, start: int) -> bool:
    """Whether process number `start` of a recorder has brought more than so many frames."""
    return bool(stored(folder)["frames"] > frames and stored(folder)["starts"] == start)


def live_command(venue: str, out: Path, *options: str) -> list[str]:
    """A live session on a venue that plays the sample."""
    addresses = ["--set", f"venue.ws_url=ws://{venue}", "--set", f"venue.rest_url=http://{venue}"]
    given = ["--symbol", "SYNTH", "--config", str(CONFIG), "--out", str(out), "--json", *QUOTES, *addresses, *options]
    return [sys.executable, "-m", "mm_cli", "paper", *given]


def check_counts(summary: dict[str, Any], folder: Path, least: int) -> None:
    """Whether a summary counts what is on disk, of all processes of the recorder."""
    recorded, state = frames(folder), stored(folder)
    assert state["starts"] == KILLS + 1 == summary["restarts"]["recorder"] + 1
    assert state["frames"] == len(recorded)
    assert summary["feed"] == state["feed"]
    is_market = [b'"stream"' in frame for _, frame in recorded]
    assert sum(is_market) > least
    depth = sum(b"@depth" in frame for _, frame in recorded)
    assert summary["feed"]["depth_received"] == depth
    assert summary["feed"]["trades"] == sum(b"@trade" in frame for _, frame in recorded)
    assert summary["failures"] == []


@pytest.mark.slow
def test_a_paced_recorder_that_is_killed_goes_on_where_the_market_is(tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = paper_command(out, "--duration", f"{SECONDS}s", *QUOTES, source=f"paced:{SAMPLE}")
    with session(command, tmp_path / "state") as process:
        kill_recorder(process, out, KILLS)
        summary = summary_of(process, END_S)
    check_counts(summary, out, 60)
    assert summary["feed"]["disconnects"] == KILLS
    assert summary["feed"]["snapshots"] == KILLS + 1
    assert summary["market_s"] == pytest.approx(SECONDS, abs=4.0)  # the end waits for a busy machine, not for the file
    assert summary["book"]["valid_share"] > 0.5
    times_ns = [recv_ns for recv_ns, _ in frames(out)]
    assert times_ns == sorted(times_ns)
    trades = [event.trade_id for event in read_log(out) if isinstance(event, Trade)]
    assert all(one < other for one, other in pairwise(trades))  # it never begins its file again
    assert trades[-1] - trades[0] >= len(trades)  # and what came while it was away is missed


@pytest.mark.slow
def test_a_live_recorder_that_is_killed_counts_for_the_whole_session(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with served(tmp_path, "--source", str(SAMPLE), "--symbol", "SYNTH", "--speed", "4") as venue:
        command = live_command(venue.plain, out, "--duration", f"{SECONDS}s")
        with session(command, tmp_path / "state") as process:
            kill_recorder(process, out, KILLS)
            summary = summary_of(process, END_S)
    check_counts(summary, out, 60)
    first_ns, last_ns = (frames(out)[place][0] for place in (0, -1))
    assert last_ns - first_ns <= SECONDS * NS_PER_S  # a restart does not make the session longer


def test_a_session_whose_frames_are_removed_while_it_runs_fails(tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = paper_command(out, "--duration", f"{SECONDS}s", *QUOTES, source=f"paced:{SAMPLE}")
    with session(command, tmp_path / "state") as process:
        until(process, lambda: stored(out)["frames"] > 30)
        shutil.rmtree(out / "frames")
        until(process, lambda: list((out / "frames").glob("*.ws.gz")))
        lines, err = process.communicate(timeout=END_S)
    assert process.returncode == 1, err
    summary = json.loads(lines.splitlines()[-1])
    [failure] = summary["failures"]
    assert "frames were not recorded: " in failure
    assert "removed while it was written" in failure
    assert f"failed: {failure}" in err
    hole, *rest = frames(out)
    assert control.read(hole[1]).reason.startswith("frames not recorded for ")
    assert stored(out)["frames"] - stored(out)["frames_lost"] == len(rest)


def test_a_second_recorder_of_a_folder_is_refused_whoever_has_it(tmp_path: Path) -> None:
    out, data = tmp_path / "out", tmp_path / "data"
    frames_of = data / "binance" / "SYNTH"
    command = paper_command(out, "--duration", "60s", *QUOTES, source=f"paced:{SAMPLE}")
    with served(tmp_path, "--source", str(SAMPLE), "--symbol", "SYNTH", "--speed", "4") as venue:
        frames_of.parent.mkdir(parents=True)
        frames_of.symlink_to(out / "frames")
        with session(command, tmp_path / "state") as process:
            until(process, lambda: stored(out)["frames"] > 30)
            other = ["record", "--symbol", "SYNTH", "--data", str(data), "--duration", "5s"]
            for setting in (f"venue.ws_url=ws://{venue.plain}", f"venue.rest_url=http://{venue.plain}"):
                other += ["--set", setting]
            done = subprocess.run(
                [sys.executable, "-m", "mm_cli", *other], capture_output=True, text=True, check=False, timeout=60
            )
            pid = service_pid(process.pid, "recorder")
            assert done.returncode == 2
            assert f"another recorder, process {pid}, writes to it" in done.stderr
