"""An order book of two dictionaries. A **rank** is the ticks of a bid, or minus those of an ask: more is better."""

from bisect import bisect_left, insort

NONE = -(10**18)  # the best of a side without levels


def rank_of(side: int, ticks: int) -> int:
    """The rank of a price."""
    return -ticks if side else ticks


class Book:
    """Levels in lots by rank. A level that a better one of the other side has passed is there, and not the best."""

    def __init__(self) -> None:
        self.lots: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self.best = [NONE, NONE]
        self._ranks: tuple[list[int], list[int]] = ([], [])

    def clear(self) -> None:
        """Forget all."""
        for side in (0, 1):
            self.lots[side].clear()
            self._ranks[side].clear()
            self.best[side] = NONE

    def set(self, side: int, rank: int, lots: int) -> int:
        """Put a level at `lots`, 0 removes it; what it had before."""
        levels, ranks = self.lots[side], self._ranks[side]
        before = levels.pop(rank, 0)
        if lots:
            levels[rank] = lots
            if not before:
                insort(ranks, rank)
            if rank > self.best[side]:
                self.best[side] = rank
                if self.best[1 - side] >= -rank:
                    self.best[1 - side] = self.below(1 - side, -rank)
        elif before:
            del ranks[bisect_left(ranks, rank)]
            if rank == self.best[side]:
                self.best[side] = self.below(side, rank)
        return before

    def below(self, side: int, rank: int) -> int:
        """The best rank under a rank."""
        at = bisect_left(self._ranks[side], rank) - 1
        return self._ranks[side][at] if at >= 0 else NONE

    def touch(self) -> tuple[int, int, int, int]:
        """Best bid in ticks and lots, best ask in ticks and lots; zeros of an empty side."""
        bid, ask = self.best
        bids = (bid, self.lots[0][bid]) if bid != NONE else (0, 0)
        asks = (-ask, self.lots[1][ask]) if ask != NONE else (0, 0)
        return *bids, *asks

    def mid_half(self) -> int:
        """Best bid + best ask in ticks, 0 without one of them."""
        bid, ask = self.best
        return bid - ask if NONE not in (bid, ask) else 0
