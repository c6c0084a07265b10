"""A live session from the command on: the replay venue, a process of its own, through all services."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.session import CONFIG, SAMPLE, environment, log_bytes
from tests.venue.served import served

SESSION_S = 120.0
SECONDS = 16
SPEED = 5
# A root that comes later than the Tick's grace, on a busy machine, is no subject of this test.
GRACE = ["--set", "bus.tick_grace_ms=2000"]
QUOTES = ["--set", "quoter.strategy=fixed_spread", "--set", "fixed_spread.half_spread_ticks=2.0"]


def run(folder: Path, name: str, *options: str) -> Any:
    """The JSON of `crypto-mm paper`."""
    given = ["--symbol", "SYNTH", "--config", str(CONFIG), "--out", str(folder / name), "--json", *QUOTES, *options]
    command = [sys.executable, "-m", "mm_cli", "paper", *given]
    done = subprocess.run(
        command, env=environment(folder), capture_output=True, text=True, timeout=SESSION_S, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_a_live_session_syncs_trades_and_replays(tmp_path: Path) -> None:
    sample = ["--source", str(SAMPLE), "--symbol", "SYNTH", "--speed", str(SPEED)]
    with served(tmp_path, *sample) as venue:
        addresses = ["--set", f"venue.ws_url=ws://{venue.plain}", "--set", f"venue.rest_url=http://{venue.plain}"]
        duration = ["--duration", f"{SECONDS}s", *GRACE]
        live = run(tmp_path, "live", *duration, *addresses)
    feed = live["feed"]
    assert feed["depth_applied"] > 100
    assert (feed["gaps"], feed["crossed"], feed["trade_gaps"]) == (0, 0, 0)
    assert feed["touch_checked"] == feed["touch_equal"] > 10
    assert live["orders"] > 0
    assert live["store"]["deltas"] == feed["depth_applied"]
    frames = next((tmp_path / "live" / "frames").glob("*.ws.gz"))
    grid = ["--tick", "0.01", "--lot", "0.0001", "--bus", "memory", "--source", f"replay:{frames}"]
    config = json.loads((tmp_path / "live" / "manifest.json").read_text())["config"]
    offset = ["--set", f"clock.offset_ns={config['clock']['offset_ns']}"]
    replay = run(tmp_path, "replay", *grid, *offset)
    assert replay["digests"] == live["digests"]
    assert len(log_bytes(tmp_path / "live")) > 500
