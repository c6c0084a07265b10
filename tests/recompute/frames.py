"""Recorded lines `<receive time> <raw JSON>` as facts in whole ticks and lots: Binance Spot, one instrument."""

import gzip
import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

Levels = list[tuple[int, int]]  # (price in ticks, lots)


class Diff(NamedTuple):
    """A depth update."""

    recv_ns: int
    ts_ns: int
    first_id: int
    update_id: int
    sides: tuple[Levels, Levels]


class Snapshot(NamedTuple):
    """The book as REST gave it; the frame holds no time."""

    recv_ns: int
    update_id: int
    sides: tuple[Levels, Levels]


class Top(NamedTuple):
    """bookTicker: best (ticks, lots) of both sides; the frame holds no time."""

    recv_ns: int
    update_id: int
    best: tuple[tuple[int, int], tuple[int, int]]


class Print(NamedTuple):
    """A trade; `taker` is 0 for a buyer."""

    recv_ns: int
    ts_ns: int
    trade_id: int
    taker: int
    price_ticks: int
    lots: int


Fact = Diff | Snapshot | Top | Print


class Grid:
    """Decimal text to whole ticks and lots; a level's quantity off the grid is rounded down."""

    def __init__(self, tick: str, lot: str) -> None:
        self.tick, self.lot = Decimal(tick), Decimal(lot)
        self._ticks: dict[str, int] = {}
        self._lots: dict[str, int] = {}

    def ticks(self, text: str) -> int:
        """A price in ticks; AssertionError if it is none."""
        if text not in self._ticks:
            count = Decimal(text) / self.tick
            assert count == int(count), f"price {text} is no multiple of {self.tick}"
            self._ticks[text] = int(count)
        return self._ticks[text]

    def lots(self, text: str) -> int:
        """A quantity in whole lots, rounded down."""
        if text not in self._lots:
            self._lots[text] = int(Decimal(text) / self.lot)
        return self._lots[text]

    def levels(self, texts: list[tuple[str, str]]) -> Levels:
        """Levels in their order."""
        return [(self.ticks(price), self.lots(quantity)) for price, quantity in texts]


def read_lines(paths: Sequence[Path], duration_ns: int = 0) -> Iterator[tuple[int, Any]]:
    """(receive time ns, message) of the files in order, up to `duration_ns` of receive time; 0 is no bound."""
    first_ns = 0
    for path in paths:
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
            for line in file:
                time, _, text = line.partition(" ")
                recv_ns = int(time) * (1_000 if len(time) == 16 else 1)
                first_ns = first_ns or recv_ns
                if duration_ns and recv_ns - first_ns >= duration_ns:
                    return
                yield recv_ns, json.loads(text)


def read_facts(paths: Sequence[Path], grid: Grid, symbol: str, duration_ns: int = 0) -> Iterator[Fact]:
    """The lines of one symbol."""
    for recv_ns, message in read_lines(paths, duration_ns):
        if "stream" in message:
            assert message["stream"].partition("@")[0].upper() == symbol, message["stream"]
        fact = _fact(recv_ns, message.get("data", message), grid)
        if fact is not None:
            yield fact


def _fact(recv_ns: int, data: dict[str, Any], grid: Grid) -> Fact | None:
    if "lastUpdateId" in data:
        bids, asks = ([level for level in grid.levels(data[side]) if level[1]] for side in ("bids", "asks"))
        return Snapshot(recv_ns, data["lastUpdateId"], (bids, asks))
    if data.get("e") == "depthUpdate":
        sides = grid.levels(data["b"]), grid.levels(data["a"])
        return Diff(recv_ns, _ns(data["E"]), data["U"], data["u"], sides)
    if data.get("e") == "trade":
        taker = 1 if data["m"] else 0
        return Print(recv_ns, _ns(data["T"]), data["t"], taker, grid.ticks(data["p"]), grid.lots(data["q"]))
    if "B" in data and "e" not in data:
        best = (grid.ticks(data["b"]), grid.lots(data["B"])), (grid.ticks(data["a"]), grid.lots(data["A"]))
        return Top(recv_ns, data["u"], best)
    return None


def _ns(time: int) -> int:
    return time * (1_000_000 if time < 10**14 else 1_000)
