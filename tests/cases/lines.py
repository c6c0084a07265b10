"""Small recordings, written line by line: what a recorder of Binance Spot would have stored of a market."""

import json
from collections.abc import Sequence
from typing import Any

START_MS = 1_767_225_600_000
LATENCY_MS = 5

Levels = Sequence[tuple[str, str]]


class Lines:
    """Frames of one symbol in the ws-lines form; times are milliseconds from the start, received 5 ms later."""

    def __init__(self, symbol: str = "BTCUSDT") -> None:
        self.symbol = symbol
        self.lines: list[bytes] = []

    def write(self, ms: float, frame: dict[str, Any]) -> None:
        """Any frame, received at `ms`."""
        recv_ns = int((START_MS + ms) * 1_000_000)
        self.lines.append(b"%d %s\n" % (recv_ns, json.dumps(frame, separators=(",", ":")).encode()))

    def _stream(self, ms: float, channel: str, data: dict[str, Any]) -> None:
        self.write(ms + LATENCY_MS, {"stream": f"{self.symbol.lower()}@{channel}", "data": data})

    def snapshot(self, ms: float, update_id: int, bids: Levels, asks: Levels) -> None:
        """The body of a REST snapshot."""
        self.write(ms + LATENCY_MS, {"lastUpdateId": update_id, "bids": bids, "asks": asks})

    def depth(
        self, ms: float, ids: int | tuple[int, int], bids: Levels = (), asks: Levels = (), *, event_ms: float = -1
    ) -> None:
        """A diff of one update id, or of a range; `event_ms` is its E, where that is not the time it happened."""
        first, last = ids if isinstance(ids, tuple) else (ids, ids)
        event = {"e": "depthUpdate", "E": int(START_MS + (ms if event_ms < 0 else event_ms)), "s": self.symbol}
        self._stream(ms, "depth@100ms", event | {"U": first, "u": last, "b": bids, "a": asks})

    def trade(self, ms: float, trade_id: int, price: str, qty: str, *, sold: bool = True, event_ms: float = -1) -> None:
        """A print; `sold`: the taker sold. `event_ms` is its T, where that is not the time it happened."""
        time_ms = int(START_MS + (ms if event_ms < 0 else event_ms))
        event = {"e": "trade", "E": int(START_MS + ms), "s": self.symbol, "t": trade_id, "p": price, "q": qty}
        self._stream(ms, "trade", event | {"T": time_ms, "m": sold, "M": True})

    def top(self, ms: float, update_id: int, bid: tuple[str, str], ask: tuple[str, str]) -> None:
        """The venue's own best bid and ask."""
        touch = {"b": bid[0], "B": bid[1], "a": ask[0], "A": ask[1]}
        self._stream(ms, "bookTicker", {"u": update_id, "s": self.symbol, **touch})

    def disconnected(self, ms: float, reason: str) -> None:
        """Our own line between the frames: the connection was lost."""
        self.write(ms, {"crypto_mm": "disconnected", "reason": reason})

    def opening(self, update_id: int, bid: str, ask: str, qty: str = "1") -> None:
        """A first diff, the snapshot behind it and the diff that proves it, at 0, 10 and 100 ms."""
        self.depth(0, update_id, [(bid, qty)], [(ask, qty)])
        self.snapshot(10, update_id, [(bid, qty)], [(ask, qty)])
        self.depth(100, update_id + 1, [(bid, qty)], [(ask, qty)])

    def steady(self, ms: Sequence[float], first_id: int, bid: str, ask: str) -> int:
        """A diff at each time, alternating between two quantities at the touch; the id behind the last one."""
        update_id = first_id
        for update_id, at in enumerate(ms, first_id):
            self.depth(at, update_id, [(bid, ("1.5", "1")[update_id % 2])], [(ask, "1")])
        return update_id + 1
