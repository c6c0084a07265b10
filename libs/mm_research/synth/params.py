"""The true parameters of a synthetic market, and which of them make sense."""

from decimal import Decimal
from math import ceil, exp, inf, sqrt
from re import fullmatch

import msgspec

from mm_core.events import InstrumentDefined
from mm_core.types import INT64_MAX, NS_PER_S, InputError
from mm_venues.registry import DEFAULT

DEPTH_STEP_NS = 100_000_000
DURATION_NS_MIN = 2 * NS_PER_S  # room for three diffs and the snapshot
DURATION_NS_MAX = 30 * 86_400 * NS_PER_S
LEVELS_MAX = 5_000  # what the venue's REST snapshot holds a side
REFILL_PER_S_MIN, REFILL_PER_S_MAX = 20.0, 1e9
NOISE_SHARE_1S = 0.01  # of the displayed mid's variance over a second, at most, are levels that are eaten at the moment
REACHES_COVERED = 7.0  # mean reaches the book must hold: less than 1 taker order in 1,000 is then cut off


class Params(msgspec.Struct, frozen=True, kw_only=True):
    """The truth of a market. One side's takers that reach a distance d or more from the mid: `a_per_s * exp(-k d)`.

    Tick and lot size in 1e-8 (of the quote, of the base). Distances in ticks. `sigma_ticks_sqrt_s`: arithmetic
    volatility of the mid. `spread_ticks`: mean spread. `levels`: displayed levels a side. `size_lots`: median size of
    a level. Rates in 1/s: `spread_reversion` pulls the spread to its mean, `refill` is how soon eaten levels come back
    (None: so soon that the displayed mid has the volatility at 1 s too), `churn` is how often a level behind the touch
    changes size. Receive latency: `base` plus an exponential `tail`.
    """

    venue: str = DEFAULT
    symbol: str = "SYNTH"
    seed: int = 1
    start_ns: int = 1_767_225_600 * NS_PER_S  # 2026-01-01T00:00:00Z
    duration_ns: int = 60 * NS_PER_S
    tick_e8: int = 1_000_000
    lot_e8: int = 10_000
    mid_ticks: int = 10_000
    a_per_s: float = 1.2
    k_per_tick: float = 0.5
    sigma_ticks_sqrt_s: float = 1.0
    spread_ticks: float = 4.0
    levels: int = 50
    size_lots: int = 10_000
    spread_reversion_per_s: float = 0.5
    refill_per_s: float | None = None
    churn_per_s: float = 20.0
    latency_base_ns: int = 2_000_000
    latency_tail_ns: int = 1_000_000


def instrument_of(params: Params) -> InstrumentDefined:
    """The instrument of a market; its filters are off."""
    return InstrumentDefined(
        instrument_id=f"{params.venue}.{params.symbol}",
        ts_ns=0,
        venue_symbol=params.symbol,
        tick_size=_text(params.tick_e8),
        lot_size=_text(params.lot_e8),
    )


def _text(size_e8: int) -> str:
    return f"{(Decimal(size_e8) / 10**8).normalize():f}"


def refill_per_s(params: Params) -> float:
    """How soon eaten levels come back: a rate, 1/s.

    Displacements of the mid that sum up to V ticks^2 a second and last 1/r s on average add 2 V / r to the variance of
    its changes over any step. A taker eats N whole levels, geometric as its reach is exponential, and all of the last
    one where it has a single lot; the mid moves by half of that. Half the spread is 1 tick and a Poisson number.
    """
    if params.refill_per_s is not None:
        return params.refill_per_s
    beyond = exp(-params.k_per_tick)
    reaching_per_s = 2 * params.a_per_s * beyond * exp(-(params.spread_ticks / 2 - 1) * (1 - beyond))
    levels, squares = beyond / (1 - beyond), beyond * (1 + beyond) / (1 - beyond) ** 2
    last = 1 / params.size_lots
    noise_ticks2_per_s = reaching_per_s * (squares + last * (2 * levels + 1)) / 4
    variance_ticks2 = params.sigma_ticks_sqrt_s**2
    if variance_ticks2 == 0:
        return REFILL_PER_S_MAX
    needed_per_s = 2 * noise_ticks2_per_s / (NOISE_SHARE_1S * variance_ticks2)
    return min(max(needed_per_s, REFILL_PER_S_MIN), REFILL_PER_S_MAX)


def check(params: Params) -> None:
    """InputError naming the first flag of `crypto-mm synth` that makes no market."""
    if not fullmatch("[A-Z0-9-]+", params.symbol):
        raise InputError(f"--symbol {params.symbol!r}: must be capital letters, digits and dashes, such as SYNTH")
    for flag, value, low, high in (
        ("--seed", params.seed, 0, 2**64 - 1),
        ("--start", params.start_ns, 0, INT64_MAX // 2),
        ("--tick", params.tick_e8 / 1e8, 1e-8, inf),
        ("--lot", params.lot_e8 / 1e8, 1e-8, inf),
        ("--a", params.a_per_s, 1e-9, 10_000),
        ("--k-per-tick", params.k_per_tick, REACHES_COVERED / LEVELS_MAX, 100),
        ("--sigma-ticks", params.sigma_ticks_sqrt_s, 0, 1_000),
        ("--spread-ticks", params.spread_ticks, 2, 10_000),
        ("--levels", params.levels, 2, LEVELS_MAX),
        ("--size-lots", params.size_lots, 1, 10**12),
    ):
        if not low <= value <= high:  # NaN is neither
            limit = f"at least {low:g}" if high == inf else f"from {low:g} to {high:g}"
            raise InputError(f"{flag} {value}: must be {limit}")
    if not DURATION_NS_MIN <= params.duration_ns <= DURATION_NS_MAX:
        raise InputError(f"--duration is {params.duration_ns} ns: must be from 2s to 720h")
    levels_min = ceil(REACHES_COVERED / params.k_per_tick)
    if params.levels < levels_min:
        raise InputError(
            f"--levels {params.levels}: takers of --k-per-tick {params.k_per_tick} reach deeper, "
            f"must be at least {levels_min}"
        )
    _check_mid(params)


def _check_mid(params: Params) -> None:
    """No bid may ever reach the price 0: room for the book, a wide spread and 10 standard deviations of the mid."""
    walk_ticks = 10 * params.sigma_ticks_sqrt_s * sqrt(params.duration_ns / NS_PER_S)
    mid_ticks_min = int(params.levels + 20 * params.spread_ticks + walk_ticks) + 1
    if params.mid_ticks < mid_ticks_min:
        raise InputError(
            f"--mid is {params.mid_ticks} ticks: with these --levels, --spread-ticks, --sigma-ticks and --duration "
            f"it must be at least {mid_ticks_min}, or prices could reach 0"
        )
