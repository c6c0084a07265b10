"""The benchmark job of market making (README), through the engine entry that backtests use."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from statistics import median
from time import perf_counter_ns
from typing import Any

import msgspec

from mm_core.accounting.account import traded_value
from mm_core.events import InstrumentDefined
from mm_core.setup import config as keys
from mm_core.setup.core import Core, new_core
from mm_core.setup.units import units_of
from mm_core.types import MONEY_E9, NS_PER_S, InputError
from mm_research.columns import Neutral, read_neutral
from mm_research.engine.in_flight import events_in_flight
from mm_research.engine.loop import run
from mm_research.engine.state import TOUCH_CHANGES, TOUCHES, TWO_BOOKS
from mm_research.market import Market, load_compiled, market_of, trust_feed

SETS_MAX = 32
TAKER_FEE = Decimal("0.0005")
_ALL = (1 << 62) - 1
_SKEW_STEP_TICKS = 0.01  # between the parameter sets of one pass


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """The job: quote both sides around the mid less skew x position / qty, join at best, every `step_ms`.

    An order that rests at the target price stays, whatever fills have left of it.
    """

    tick: str
    lot: str
    queue: str = "risk_averse"
    half_spread_ticks: float = 0.5
    skew_ticks: float = 0.5
    qty_base: Decimal = Decimal("0.01")
    position_max_base: Decimal = Decimal("0.1")
    step_ms: int = 100
    entry_ms: Decimal = Decimal(10)
    response_ms: Decimal = Decimal(10)
    maker_fee: Decimal = Decimal("0.0002")
    partial_fills: bool = False

    def config(self, skew_ticks: float) -> keys.Config:
        """The configuration of one parameter set."""
        return keys.to_config(
            {
                "clock": {"tick_period_ms": self.step_ms},
                "book": {"stale_ms": 0},
                "signals": {
                    "volatility_sample_ms": 0,
                    "ofi_window_ms": 0,
                    "micro_price": False,
                    "executable_sizes_base": [],
                },
                "quoter": {
                    "order_qty_base": self.qty_base,
                    "position_max_base": self.position_max_base,
                    "join_only": True,
                    "replenish_below": 0,
                    "inventory_skew_ticks": skew_ticks,
                },
                "risk": {"default_limits": False},
                "fixed_spread": {"half_spread_ticks": self.half_spread_ticks},
                "exchange": {
                    "entry_ms": self.entry_ms,
                    "response_ms": self.response_ms,
                    "queue": self.queue,
                    "partial_fills": self.partial_fills,
                    "maker_fee": self.maker_fee,
                    "taker_fee": TAKER_FEE,
                },
            }
        )


def neutral_instrument(path: Path, tick: str, lot: str) -> InstrumentDefined:
    """The instrument of a neutral tape: named by its file, of the given sizes."""
    symbol = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in path.stem.upper())
    return InstrumentDefined(
        instrument_id=f"tape.{symbol}", venue_symbol=path.stem, tick_size=tick, lot_size=lot, ts_ns=0
    )


def bench(path: Path, job: Job, *, sets: int = 1, repeat: int = 7, two_books: bool = False) -> dict[str, Any]:
    """Run the job `repeat` times over data in memory and return results and times (the keys of `bench --json`).

    With more than one set, sets after the first have a little more skew each; results are the first's. Two books are
    used where requested, where venue and strategy see different orders of rows, or where more changes of the touch can
    be in flight than the one book's history holds. InputError for a bad tape or job.
    """
    if not 1 <= sets <= SETS_MAX:
        raise InputError(f"--sets {sets}: expected 1 to {SETS_MAX}")
    if repeat < 1:
        raise InputError(f"--repeat {repeat}: expected 1 or more")
    tape = read_neutral(path, job.tick, job.lot)
    instrument = neutral_instrument(path, job.tick, job.lot)
    cores = [new_core(job.config(job.skew_ticks + i * _SKEW_STEP_TICKS), instrument) for i in range(sets)]
    one_book = tape.is_monotone and events_in_flight(tape.rows, cores[0].period_ns) <= TOUCH_CHANGES
    visibility = TOUCHES if one_book and not two_books else TWO_BOOKS
    load_compiled(_market(cores, visibility, tape), tape.rows, cores[0])
    times_ns = []
    for _ in range(repeat):
        market = _market(cores, visibility, tape)
        started_ns = perf_counter_ns()
        run(market, tape.rows, tape.local_rows, cores[0].strategy, _ALL)
        times_ns.append(perf_counter_ns() - started_ns)
    seconds = {"min": min(times_ns) / NS_PER_S, "median": median(times_ns) / NS_PER_S}
    return {
        "rows": tape.count,
        **_results(market, instrument),
        "seconds": seconds,
        "rows_per_s": round(tape.count / seconds["median"]),
        "ns_per_row_and_set": seconds["median"] * NS_PER_S / tape.count / sets,
        "sets": sets,
        "repeat": repeat,
        "visibility": "two_books" if visibility == TWO_BOOKS else "touches",
        "off_lot": tape.off_lot,
    }


def _market(cores: Sequence[Core], visibility: int, tape: Neutral) -> Market:
    first_tick_ns = int(tape.rows["exch_ns"][0]) + cores[0].period_ns
    market = market_of(cores, visibility, first_tick_ns)
    trust_feed(market, tape.rows)
    return market


def _results(market: Market, instrument: InstrumentDefined) -> dict[str, int | float]:
    """What the first set did: money in the quote currency, the position in the base."""
    units = units_of(instrument)
    account, quoter = market["sets"]["risk"]["account"][0, 0], market["sets"]["quoter"][0, 0]
    return {
        "steps": int(quoter["steps"]),
        "next_order_id": int(quoter["next_order_id"]),
        "fills": int(account["fills"]),
        "traded_value": float(traded_value(account) * units.value),
        "balance": float(int(account["cash_half"]) * units.value / 2),
        "fee": int(account["fees_e9"]) / MONEY_E9,
        "position": float(int(account["position_lots"]) * units.lot),
    }
