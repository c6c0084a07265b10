"""The venue's time, what its newest book is, and its mids: shared by all parameter sets of one run.

The venue's own top has an update id and no time. What it names is not older than the last dated event (depth or trade)
and reaches us no faster than any: its time is our receive time less the **lag**, the shortest delay of a dated event so
far, which may grow by LAG_GROWTH of the time since, so that a clock that drifts is followed.
"""

import numpy as np

from mm_core.compiled import Record, compiled

MIDS = 1 << 8  # changes of the mid that are remembered
SHOWN = 1 << 8  # levels that a top or a print has set that are remembered one by one
LAG_GROWTH = 10_000  # 1/10,000: more than what a quartz drifts, and less than a delay varies within seconds

MID = np.dtype([("ts_ns", "i8"), ("mid_half", "i8")])
LAG = np.dtype([("lag_ns", "i8"), ("at_ns", "i8")])
CLOCK = np.dtype(
    [
        ("market_ns", "i8"),  # latest exchange time seen in market data
        ("depth_ns", "i8"),  # latest exchange time of a depth event
        ("known_ns", "i8"),  # local time of the current root, in the log's order; else 0
        ("trade_ticks", "i8"),  # price of the last trade, 0 before any
        ("uses_top", "i8"),  # 1: the venue's own top, and prints beside it, change its book
        ("has_top", "i8"),  # 1: there was one
        ("book_ns", "i8"),  # exchange time of the newest depth or top in the book
        ("top_rank", "i8", (2,)),
        ("top_lots", "i8", (2,)),
        ("shown", "i8", (2,)),  # levels a side that a top or a print has set since the last depth event behind it
        ("shown_rank", "i8", (2, SHOWN)),
        ("lag", LAG),
        ("mid_count", "i8"),
        ("mids", MID, (MIDS,)),  # a ring of the changes of the venue's mid, in the order of their times
    ]
)


@compiled
def lag_at(lag: Record, local_ns: int) -> int:
    """The shortest delay of what we receive, as of `local_ns`; 0 before any dated event."""
    if lag.at_ns == 0:
        return 0
    lag_ns: int = lag.lag_ns + max(local_ns - lag.at_ns, 0) // LAG_GROWTH
    return lag_ns


@compiled
def take_dated(lag: Record, ts_ns: int, local_ns: int) -> None:
    """A depth event or a trade of exchange time `ts_ns` is received at `local_ns`."""
    delay_ns = local_ns - ts_ns
    lag.lag_ns = delay_ns if lag.at_ns == 0 else min(delay_ns, lag_at(lag, local_ns))
    lag.at_ns = local_ns


@compiled
def top_ns(lag: Record, ts_ns: int, local_ns: int) -> int:
    """Exchange time of a top that is received at `local_ns`; `ts_ns`, its feed's last time, before any dated event."""
    if lag.at_ns == 0:
        return ts_ns
    return local_ns - lag_at(lag, local_ns)


@compiled
def remember_mid(clock: Record, mid_half: int) -> None:
    """Note the mid after a complete event, by the market's time."""
    last = (clock.mid_count - 1) & (MIDS - 1)
    if clock.mid_count > 0 and clock.mids[last].mid_half == mid_half:
        return
    mid = clock.mids[clock.mid_count & (MIDS - 1)]
    mid.ts_ns = clock.market_ns
    mid.mid_half = mid_half
    clock.mid_count += 1


@compiled
def mid_before(clock: Record, ts_ns: int) -> int:
    """The venue's mid just before `ts_ns`, in half-ticks; the oldest known of a time before all, 0 without any."""
    mid_half = 0
    at = clock.mid_count - 1
    while at >= max(clock.mid_count - MIDS, 0):
        mid = clock.mids[at & (MIDS - 1)]
        mid_half = mid.mid_half
        if mid.ts_ns < ts_ns:
            break
        at -= 1
    return mid_half
