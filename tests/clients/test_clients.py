"""Other people's clients, unchanged but for their addresses: their book at the end is ours, level by level.

Each runs in an environment of its own (`follow_<client>.py`), made once from PyPI in pytest's cache.
"""

import json
import subprocess
import venv
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.session import SAMPLE
from tests.venue.served import Served, served

from mm_core.book.book import top_levels
from mm_core.events import BookDelta, BookSnapshot, InstrumentDefined
from mm_store.ws_lines import WsLines
from mm_venues.audit import CompiledBook, TouchAudit
from mm_venues.binance.feed import Feed

pytestmark = pytest.mark.slow

CLIENTS = {"ccxt": "4.5.90", "python-binance": "1.0.37", "cryptofeed": "2.4.1"}
SPEED = 20
INSTALL_S, FOLLOW_S = 600.0, 120.0
LEVELS_MAX = 20_000
Side = list[tuple[int, int]]


def instrument(symbol: str, tick: str, lot: str) -> InstrumentDefined:
    """A definition without times."""
    return InstrumentDefined(
        instrument_id=f"binance.{symbol}", ts_ns=0, venue_symbol=symbol, tick_size=tick, lot_size=lot
    )


MARKETS = {
    "SYNTH": (instrument("SYNTH", "0.01", "0.0001"), "SYNTH", "USD"),
    "BTCUSDT": (instrument("BTCUSDT", "0.01", "0.00001"), "BTC", "USDT"),
}


@pytest.fixture(scope="session", params=CLIENTS)
def client(request: pytest.FixtureRequest, pytestconfig: pytest.Config) -> tuple[Path, Path]:
    """The Python of a client's environment, and the script that follows the venue with it."""
    name, version = request.param, CLIENTS[request.param]
    folder = pytestconfig.cache.mkdir("clients") / f"{name}-{version}"
    python, installed = folder / "bin" / "python", folder / "installed"
    if not installed.exists():
        venv.create(folder, with_pip=True, clear=True)
        command = [str(python), "-m", "pip", "install", "--quiet", "--no-input", f"{name}=={version}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_S, check=False)
        if done.returncode:
            pytest.skip(f"{name} {version} cannot be installed: {done.stderr.strip().splitlines()[-1]}")
        installed.touch()
    return python, Path(__file__).parent / f"follow_{name.replace('-', '_')}.py"


@pytest.fixture(params=MARKETS)
def market(request: pytest.FixtureRequest) -> tuple[str, Path]:
    """A symbol, and its recording."""
    if request.param == "SYNTH":
        return request.param, SAMPLE
    data: Path = request.getfixturevalue("shared_data")
    return request.param, data / "binance_spot" / "btcusdt_20240808.gz"


def our_book(defined: InstrumentDefined, source: Path) -> tuple[int, list[Side]]:
    """The book of mm_core behind the last frame: its id, bids and asks in ticks and lots, best first."""
    book, update_id = CompiledBook(), 0
    feed = Feed(defined, TouchAudit(CompiledBook()))
    for recv_ns, frame in WsLines([source]):
        for event in feed.feed(recv_ns, frame):
            if isinstance(event, BookSnapshot | BookDelta):
                book.apply(event)
                update_id = event.update_id
    sides = []
    for side in (0, 1):
        ticks, lots = np.zeros(LEVELS_MAX, np.int64), np.zeros(LEVELS_MAX, np.int64)
        count = top_levels(book._state[0], side, ticks, lots)
        sides.append([(int(ticks[at]), int(lots[at])) for at in range(count)])
    return update_id, sides


def their_side(levels: list[list[Any]], defined: InstrumentDefined, *, is_bid: bool) -> Side:
    """A client's side in ticks and whole lots, best first; a float is the shortest decimal that it stands for."""
    tick, lot = Decimal(defined.tick_size), Decimal(defined.lot_size)
    counted = [(Decimal(str(price)) / tick, Decimal(str(quantity)) // lot) for price, quantity in levels]
    assert all(ticks == int(ticks) for ticks, _ in counted)
    return sorted(((int(ticks), int(lots)) for ticks, lots in counted if lots), reverse=is_bid)


def follow(client: tuple[Path, Path], venue: Served, symbol: str, update_id: int) -> dict[str, Any]:
    """What the client's book is behind that update id."""
    python, script = client
    at = {
        "http": f"http://{venue.plain}",
        "ws": f"ws://{venue.plain}",
        "wss": f"wss://{venue.tls}",
        "certificate": venue.certificate,
        "symbol": symbol,
        "update_id": update_id,
        "base": MARKETS[symbol][1],
        "quote": MARKETS[symbol][2],
    }
    done = subprocess.run(
        [str(python), str(script), json.dumps(at)], capture_output=True, text=True, timeout=FOLLOW_S, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    book: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return book


def test_a_clients_book_is_ours(client: tuple[Path, Path], market: tuple[str, Path], tmp_path: Path) -> None:
    symbol, source = market
    defined = MARKETS[symbol][0]
    sizes = ["--tick", defined.tick_size, "--lot", defined.lot_size]
    update_id, ours = our_book(defined, source)
    with served(tmp_path, "--source", str(source), "--symbol", symbol, "--speed", str(SPEED), *sizes) as venue:
        theirs = follow(client, venue, symbol, update_id)
    assert theirs["update_id"] == update_id
    assert min(len(side) for side in ours) > 20
    assert their_side(theirs["bids"], defined, is_bid=True) == ours[0]
    assert their_side(theirs["asks"], defined, is_bid=False) == ours[1]
