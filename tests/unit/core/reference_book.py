"""The order book as a specification: two dictionaries, sorted whenever someone asks.

Levels keep their last absolute quantity. When an update crosses the other side, the newer level wins: the other side's
best moves behind it, and its levels in between are hidden until one of them, or a better one, is updated again.
"""

MASK = (1 << 64) - 1


def mix(side: int, rank: int, lots: int) -> int:
    """64-bit mix of one level: the finaliser of splitmix64 over its three numbers."""
    z = (rank * 0x9E3779B97F4A7C15 + lots * 0xD1B54A32D192ED03 + side + 1) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


class ReferenceBook:
    """Levels by rank (ticks of a bid, minus ticks of an ask: larger is better), and the best rank a side."""

    def __init__(self) -> None:
        self.levels: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self.best: list[int | None] = [None, None]

    @staticmethod
    def rank(side: int, price_ticks: int) -> int:
        """Larger is better on both sides."""
        return price_ticks if side == 0 else -price_ticks

    def _behind(self, side: int, rank: int) -> int | None:
        return max((each for each in self.levels[side] if each < rank), default=None)

    def set_level(self, side: int, price_ticks: int, lots: int) -> int:
        """Set the absolute lots of a level and return what it held before."""
        rank = self.rank(side, price_ticks)
        previous = self.levels[side].pop(rank, 0)
        if lots == 0:
            if rank == self.best[side]:
                self.best[side] = self._behind(side, rank)
            return previous
        self.levels[side][rank] = lots
        best = self.best[side]
        if best is None or rank > best:
            self.best[side] = rank
            other = self.best[1 - side]
            if other is not None and other >= -rank:
                self.best[1 - side] = self._behind(1 - side, -rank)
        return previous

    def clear(self) -> None:
        """Remove every level."""
        for side in range(2):
            self.levels[side].clear()
            self.best[side] = None

    def clear_to(self, side: int, price_ticks: int) -> None:
        """Remove every level at a price or better."""
        rank = self.rank(side, price_ticks)
        for each in [level for level in self.levels[side] if level >= rank]:
            del self.levels[side][each]
        best = self.best[side]
        if best is not None and best >= rank:
            self.best[side] = self._behind(side, rank)

    def lots_at(self, side: int, price_ticks: int) -> int:
        """Lots known at a price, hidden or not."""
        return self.levels[side].get(self.rank(side, price_ticks), 0)

    def visible(self, side: int) -> list[tuple[int, int]]:
        """(ticks, lots), best first, without the hidden levels."""
        best = self.best[side]
        if best is None:
            return []
        ranks = sorted((rank for rank in self.levels[side] if rank <= best), reverse=True)
        return [(abs(rank), self.levels[side][rank]) for rank in ranks]

    def touch(self) -> tuple[int, int, int, int]:
        """(bid, lots, ask, lots), 0 and 0 without a level."""
        (bid, *_), (ask, *_) = (self.visible(side) or [(0, 0)] for side in range(2))
        return (*bid, *ask)

    def is_crossed(self) -> bool:
        """True if a level is hidden."""
        return any(len(self.visible(side)) < len(self.levels[side]) for side in range(2))

    def state_hash(self) -> int:
        """Hash of all levels, hidden or not."""
        return sum(mix(side, rank, lots) for side in range(2) for rank, lots in self.levels[side].items()) & MASK
