"""The law of a synthetic market: independent Poisson clocks move a displayed book. State is integers, draws are floats.

Takers: A a second and side, each with an exponential reach of rate k from the displayed mid; it trades if it reaches
the touch. So one side's orders that reach a distance d >= half-spread come at the rate A exp(-k d), exactly.
Mid: the mid that the makers aim at jumps a tick up or down, sigma^2 times a second: a Bachelier walk on the tick grid.
Spread: the half-spread aimed at is 1 tick plus a birth-death process; that part is Poisson distributed in the long run.
Between a taker and the next refill the displayed mid differs from the one aimed at, by the half of what was taken:
noise, which a refill keeps short (`params.refill_per_s`).
"""

from collections.abc import Callable, Iterator

from numpy.random import Generator, Philox, SeedSequence

from mm_core.events import BookSnapshot, MarketEvent, Trade
from mm_core.types import NS_PER_S, Side
from mm_research.synth.book import Book
from mm_research.synth.params import DEPTH_STEP_NS, Params, check, instrument_of, refill_per_s

SIZE_LOG_STDEV = 0.7  # of the lognormal level sizes


class Market:
    """A market in motion, from `start_ns` of its parameters."""

    def __init__(self, params: Params) -> None:
        self.params = params
        self.rng = Generator(Philox(SeedSequence(params.seed, spawn_key=(0,))))
        self.now_ns = params.start_ns
        self.trade_id = 0
        self.mid_ticks = params.mid_ticks
        self.refill_per_s = refill_per_s(params)
        self.extra_ticks_mean = params.spread_ticks / 2 - 1
        self.half_spread_ticks = 1 + int(self.rng.poisson(self.extra_ticks_mean))
        self.book = Book(instrument_of(params).instrument_id, params.levels, self._quote_ticks(), self._size_lots)

    def advance(self, until_ns: int) -> list[MarketEvent]:
        """Trades and touch changes up to `until_ns`. The clocks have no memory: stopping and drawing anew is exact."""
        while True:
            clocks = self._clocks()
            total_per_s = sum(rate_per_s for rate_per_s, _ in clocks)
            next_ns = self.now_ns + int(self.rng.exponential(NS_PER_S / total_per_s))
            if next_ns >= until_ns:
                break
            self.now_ns = self.book.now_ns = next_ns
            self._ring(clocks, self.rng.random() * total_per_s)
        self.now_ns = self.book.now_ns = until_ns
        events, self.book.pending = self.book.pending, []
        return events

    def _clocks(self) -> list[tuple[float, Callable[[], None]]]:
        params = self.params
        births_per_s = params.spread_reversion_per_s * self.extra_ticks_mean
        deaths_per_s = params.spread_reversion_per_s * (self.half_spread_ticks - 1)
        jumps_per_s = params.sigma_ticks_sqrt_s**2
        return [
            (params.churn_per_s, self.churn),
            (self.refill_per_s if self._is_eaten() else 0.0, lambda: self._aim(0, 0)),
            (params.a_per_s, lambda: self._take(Side.BUY)),
            (params.a_per_s, lambda: self._take(Side.SELL)),
            (jumps_per_s / 2, lambda: self._aim(+1, 0)),
            (jumps_per_s / 2, lambda: self._aim(-1, 0)),
            (births_per_s, lambda: self._aim(0, +1)),
            (deaths_per_s, lambda: self._aim(0, -1)),
        ]

    def _ring(self, clocks: list[tuple[float, Callable[[], None]]], draw: float) -> None:
        for rate_per_s, action in clocks:
            if draw < rate_per_s:
                action()
                return
            draw -= rate_per_s

    def _aim(self, mid_step_ticks: int, half_spread_step_ticks: int) -> None:
        """The makers change their target, or not, and show it again in full."""
        self.mid_ticks += mid_step_ticks
        self.half_spread_ticks += half_spread_step_ticks
        self.book.show(self._quote_ticks())

    def _is_eaten(self) -> bool:
        bids, asks = self.book.sides
        return (bids.touch_ticks, asks.touch_ticks) != self._quote_ticks()

    def _quote_ticks(self) -> tuple[int, int]:
        return self.mid_ticks - self.half_spread_ticks, self.mid_ticks + self.half_spread_ticks

    def _take(self, taker: Side) -> None:
        """A taker order: whole levels up to its reach, of the last one a part or all of it.

        The level at the far end never trades, so no side is ever empty.
        """
        beyond_touch_ticks = self.rng.exponential(1 / self.params.k_per_tick) - self.book.half_spread_ticks
        lots = self.book.sides[1 - taker].lots
        if beyond_touch_ticks < 0 or len(lots) < 2:
            return
        for _ in range(min(int(beyond_touch_ticks), len(lots) - 2)):
            self._trade(taker, lots[0])
        self._trade(taker, int(self.rng.integers(1, lots[0], endpoint=True)))

    def _trade(self, taker: Side, qty_lots: int) -> None:
        maker = Side(1 - taker)
        touch = self.book.sides[maker]
        self.trade_id += 1
        self.book.pending.append(
            Trade(
                ts_ns=self.now_ns,
                instrument_id=self.book.instrument_id,
                trade_id=self.trade_id,
                side=taker,
                price_ticks=touch.touch_ticks,
                qty_lots=qty_lots,
            )
        )
        self.book.set_level(maker, 0, touch.lots[0] - qty_lots)

    def churn(self) -> None:
        """Additions and cancellations: one level behind the touch gets another size."""
        side = Side(int(self.rng.integers(2)))
        levels = len(self.book.sides[side].lots)
        if levels > 1:
            self.book.set_level(side, int(self.rng.integers(1, levels)), self._size_lots())

    def _size_lots(self) -> int:
        return max(1, round(self.params.size_lots * self.rng.lognormal(0.0, SIZE_LOG_STDEV)))


def market_events(params: Params) -> Iterator[MarketEvent]:
    """The market as it leaves the exchange, exact times in ns; a BookDelta each 100 ms in which something changed.

    The BookSnapshot is taken between the second delta and the third and follows the third: a reader must buffer three
    deltas and drop two. InputError for parameters that make no market.
    """
    check(params)
    market = Market(params)
    snapshot: BookSnapshot | None = None
    deltas = 0
    end_ns = params.start_ns + params.duration_ns
    for due_ns in range(params.start_ns + DEPTH_STEP_NS, end_ns + 1, DEPTH_STEP_NS):
        if deltas == 2 and snapshot is None:
            yield from market.advance(due_ns - DEPTH_STEP_NS // 2)
            snapshot = market.book.snapshot()
            market.churn()  # so that the third delta is newer than the snapshot, for certain
        yield from market.advance(due_ns)
        delta = market.book.delta()
        if delta is None:
            continue
        yield delta
        deltas += 1
        if deltas == 3 and snapshot is not None:
            yield snapshot
