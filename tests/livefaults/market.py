"""A small market that moves: makers around a mid that walks, and takers that eat their levels."""

import random
from typing import Any, NamedTuple

UNIT = 1_000  # prices are thousandths, so that a market can leave a grid of hundredths
TICK = 10
LOT = 10_000  # quantities are ten-thousandths
LEVELS = 30
Payload = dict[str, Any]


class Touch(NamedTuple):
    """Best prices in thousandths, their quantities in ten-thousandths."""

    bid: int
    bid_lots: int
    ask: int
    ask_lots: int


class Market:
    """The true book of a venue. What it does comes out as the payloads of the venue's streams, without times.

    `is_calm`: no taker goes beyond the touch and the mid stays where it is.
    """

    def __init__(self, symbol: str, seed: int = 1) -> None:
        self.update_id = 1_000_000
        self.is_calm = False
        self._symbol = symbol
        self._chance = random.Random(seed)  # noqa: S311
        self._mid = 100 * UNIT
        self._off_grid = 0
        self._trade_id = 1_000
        self._book: tuple[dict[int, int], dict[int, int]] = ({}, {})  # bids, asks
        self._changed: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self._diff_from = self.update_id + 1
        self.make()
        self.diff()

    def touch(self) -> Touch:
        """The best of both sides."""
        bid, ask = max(self._book[0]), min(self._book[1])
        return Touch(bid, self._book[0][bid], ask, self._book[1][ask])

    def make(self) -> None:
        """The makers move with the mid, fill what was eaten, and change their mind at the touch."""
        if not self.is_calm and self._chance.random() < 0.3:
            self._mid += self._chance.choice((-TICK, TICK))
        for side in (0, 1):
            away = (-TICK, TICK)[side]
            prices = [self._mid + self._off_grid + away * (1 + level) for level in range(LEVELS)]
            for price in [price for price in self._book[side] if price not in prices]:
                self._set(side, price, 0)
            for level, price in enumerate(prices):
                if level == 0 or price not in self._book[side]:
                    self._set(side, price, self._chance.randrange(LOT, 3 * LOT))

    def take(self) -> list[Payload]:
        """A taker comes: its prints, one a level."""
        side = self._chance.randrange(2)  # whose orders it eats
        reach = 0 if self.is_calm else self._chance.choice((0, 0, 1, 3))
        book = self._book[side]
        *full, last = sorted(book, reverse=side == 0)[: reach + 1]
        eaten = {price: book[price] for price in full} | {last: (book[last] + 1) // 2}
        for price, lots in eaten.items():
            self._set(side, price, book[price] - lots)
        return [self._print(side, price, lots) for price, lots in eaten.items()]

    def top(self) -> Payload:
        """The venue's own best bid and ask now."""
        touch = self.touch()
        bid, ask = _level(touch.bid, touch.bid_lots), _level(touch.ask, touch.ask_lots)
        return {"u": self.update_id, "s": self._symbol, "b": bid[0], "B": bid[1], "a": ask[0], "A": ask[1]}

    def diff(self) -> Payload:
        """All that changed since the last diff."""
        bids, asks = ([_level(*level) for level in changed.items()] for changed in self._changed)
        payload = {
            "e": "depthUpdate",
            "s": self._symbol,
            "U": self._diff_from,
            "u": self.update_id,
            "b": bids,
            "a": asks,
        }
        self._changed = ({}, {})
        self._diff_from = self.update_id + 1
        return payload

    def snapshot(self) -> Payload:
        """The complete book now."""
        bids, asks = (
            [_level(price, self._book[side][price]) for price in sorted(self._book[side], reverse=side == 0)]
            for side in (0, 1)
        )
        return {"lastUpdateId": self.update_id, "bids": bids, "asks": asks}

    def restart_ids(self) -> None:
        """Update ids begin again from 1, as after a loss of the venue's own state."""
        self.update_id, self._diff_from = 0, 1

    def leave_grid(self) -> None:
        """All orders from now on lie between two hundredths."""
        self._off_grid = TICK // 2

    def _set(self, side: int, price: int, lots: int) -> None:
        self.update_id += 1
        self._changed[side][price] = lots
        if lots:
            self._book[side][price] = lots
        else:
            del self._book[side][price]

    def _print(self, side: int, price: int, lots: int) -> Payload:
        self._trade_id += 1
        text, qty = _level(price, lots)
        return {"e": "trade", "s": self._symbol, "t": self._trade_id, "p": text, "q": qty, "m": side == 0, "M": True}


def _level(price: int, lots: int) -> list[str]:
    return [f"{price // UNIT}.{price % UNIT:03d}00000", f"{lots // LOT}.{lots % LOT:04d}0000"]
