"""What each store of a session takes, in megabytes an hour of market and gigabytes a week.

    python tests/bench/growth.py <frames>[,<frames>...] --symbol BTCUSDT [--config <toml>] [--out <new folder>]

A session is played as fast as it goes; the log on the bus and ClickHouse say themselves how large they are, files are
measured. Frames are recorded again from the recording: a replay records none.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from typer import echo

from mm_bus.nats_server import free_port
from mm_store.recording import Recording
from mm_store.ws_lines import WsLines

ROOT = Path(__file__).parents[2]
SERVICES = 8
SAID = re.compile(r"^mm_\w+?_(log_stream_bytes|store_bytes)\{.*?(?:store=\"(\w+)\")?\} (\S+)$", re.MULTILINE)
WEEK_H = 168


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("frames")
    parser.add_argument("--symbol", required=True)
    parser.add_argument("--config", type=Path, default=ROOT / "deploy" / "config" / "conservative.toml")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    paths = [Path(path) for path in options.frames.split(",")]
    with tempfile.TemporaryDirectory() as temporary:
        out = options.out or Path(temporary) / "session"
        sizes, market_s = played(paths, options.symbol, options.config, out)
        sizes["frames"] = recorded(paths, options.symbol, Path(temporary) / "frames")
    for store, size in sizes.items():
        an_hour = size / market_s * 3600
        echo(f"{store:12} {size:12,} bytes {an_hour / 1e6:8.1f} MB an hour {an_hour * WEEK_H / 1e9:7.1f} GB a week")


def played(paths: Sequence[Path], symbol: str, config: Path, out: Path) -> tuple[dict[str, int], float]:
    """The largest size of each store of a session, and its market time."""
    port = free_port(0, "port")
    source = ["--symbol", symbol, "--source", f"replay:{','.join(map(str, paths))}", "--config", str(config)]
    words = ["paper", *source, "--out", str(out), "--json", "--set", f"service.metrics_port={port}"]
    command = [sys.executable, "-m", "mm_cli", *words]
    sizes: dict[str, int] = {}
    state = os.environ | {"MM_STATE_DIR": str(out.parent / "state")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=state) as process:
        while process.poll() is None:
            for name, size in said(port).items():
                sizes[name] = max(sizes.get(name, 0), size)
            sizes["bus"] = max(sizes.get("bus", 0), folder_bytes(out / "bus"))  # its metric is half a minute old
            time.sleep(0.3)
        assert process.stdout is not None
        summary = json.loads(process.stdout.read().splitlines()[-1])
    return sizes | {name: folder_bytes(out / name) for name in ("log", "services")}, float(summary["market_s"])


def said(first_port: int) -> dict[str, int]:
    """What the services that are up say of their stores."""
    found: dict[str, int] = {}
    for port in range(first_port, first_port + SERVICES):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=1) as page:
                text = page.read().decode()
        except OSError:
            continue
        for name, store, value in SAID.findall(text):
            found[store or ("bus" if name.startswith("log") else name)] = int(float(value))
    return found


def recorded(paths: Sequence[Path], symbol: str, folder: Path) -> int:
    """The size of a recording of these frames."""
    recording = Recording(folder, symbol)
    for recv_ns, frame in WsLines(paths):
        recording.write(recv_ns, frame.rstrip())
    recording.close()
    return folder_bytes(folder)


def folder_bytes(folder: Path) -> int:
    """Of all files below, but those that are being removed."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            total += path.stat().st_size * path.is_file()
    return total


if __name__ == "__main__":
    main()
