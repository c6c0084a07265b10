"""A live session from the command on: sockets and REST of a venue on loopback, through all services."""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

from aiohttp import web
from tests.session import CONFIG, SAMPLE, environment, log_bytes
from tests.venue.venue import Line, Venue, answer

from mm_store.ws_lines import WsLines

SESSION_S = 120.0
SECONDS = 8
CHUNK = 12  # frames sent at once, each 50 ms
RULES = {
    "symbol": "SYNTH",
    "baseAsset": "SYN",
    "quoteAsset": "USD",
    "filters": [
        {"filterType": "PRICE_FILTER", "tickSize": "0.01"},
        {"filterType": "LOT_SIZE", "stepSize": "0.0001", "minQty": "0.0001"},
    ],
}
QUOTES = ["--set", "quoter.strategy=fixed_spread", "--set", "fixed_spread.half_spread_ticks=2.0"]


def chunks(items: list[bytes], size: int) -> list[list[bytes]]:
    """Consecutive parts of a list."""
    return [items[at : at + size] for at in range(0, len(items), size)]


async def serve(command: list[str], folder: Path) -> tuple[int, str, str]:
    """Run a command against a venue that sends the sample's frames; exit code, output and errors."""
    frames = [frame.rstrip() for _, frame in WsLines([SAMPLE])]
    at = next(at for at, frame in enumerate(frames) if frame.startswith(b'{"lastUpdateId"'))
    asked = asyncio.Event()

    async def session(line: Line) -> None:
        await line.send(*frames[:at])
        await asked.wait()
        for part in chunks(frames[at + 1 :], CHUNK):
            await line.send(*part)
            await asyncio.sleep(0.05)

    async def depth(_: web.Request) -> web.StreamResponse:
        asked.set()
        return web.Response(body=frames[at])

    async def clock(_: web.Request) -> web.StreamResponse:
        return web.json_response({"serverTime": time.time_ns() // 1_000})

    async with Venue("SYNTH", [session], [depth]) as venue:
        venue.info_reply = answer(200, json.dumps({"symbols": [RULES]}).encode())
        venue.time_replies = [clock] * 10
        addresses = ["--set", f"venue.ws_url=ws://{venue.url}", "--set", f"venue.rest_url=http://{venue.url}"]
        process = await asyncio.create_subprocess_exec(
            *command,
            *addresses,
            env=environment(folder),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(), SESSION_S)
    return process.returncode or 0, out.decode(), err.decode()


def run(folder: Path, name: str, *options: str) -> Any:
    """The JSON of `crypto-mm paper` against the venue."""
    given = ["--symbol", "SYNTH", "--config", str(CONFIG), "--out", str(folder / name), "--json", *QUOTES, *options]
    code, out, err = asyncio.run(serve([sys.executable, "-m", "mm_cli", "paper", *given], folder))
    assert code == 0, err[-3000:]
    return json.loads(out.splitlines()[-1])


def test_a_live_session_syncs_trades_and_replays(tmp_path: Path) -> None:
    live = run(tmp_path, "live", "--duration", f"{SECONDS + 8}s", "--set", "bus.book_top=false")
    feed = live["feed"]
    assert feed["depth_applied"] > 100
    assert (feed["gaps"], feed["crossed"], feed["trade_gaps"]) == (0, 0, 0)
    assert feed["touch_checked"] == feed["touch_equal"] > 10
    assert live["orders"] > 0
    assert live["store"]["deltas"] == feed["depth_applied"]
    frames = next((tmp_path / "live" / "frames").iterdir())
    grid = ["--tick", "0.01", "--lot", "0.0001", "--bus", "memory", "--source", f"replay:{frames}"]
    config = json.loads((tmp_path / "live" / "manifest.json").read_text())["config"]
    offset = ["--set", f"clock.offset_ns={config['clock']['offset_ns']}"]
    replay = run(tmp_path, "replay", *grid, *offset)
    assert replay["digests"] == live["digests"]
    assert len(log_bytes(tmp_path / "live")) > 500
