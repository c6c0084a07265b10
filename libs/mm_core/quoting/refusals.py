"""Refused orders that the quoter remembers, so that it does not request again what would be refused again.

What an answer depends on is its kind, by reason, in a table that the setup fills: a price is refused until the touch
of the book has changed; a size until the position, our open orders, a limit or the trading state has; a rate until an
order leaves its window. A refused price covers all that lie beyond it. A refusal counts from its decision on: where
what it depends on has changed since, there is nothing to remember.
"""

import numpy as np

from mm_core.book.book import rank_of
from mm_core.compiled import Record, compiled
from mm_core.types import INT64_MAX

# Kinds of a refusal: one of the first four, and what refines SIZE.
TRANSIENT = 0  # nothing to remember
TAKES = 1  # of a price: a post-only order would take there, and at every better one
PRICE = 2  # of a price: it is too far from the market on its side of the mid, or too near beyond it
SIZE = 4  # of a side
RATE = 8  # of both sides
BY_PRICE = 16  # a target price more than 1 % away is requested anew
BY_LOTS = 32  # only as few lots are refused
BY_ORDERS = 64  # a closed order of the other side allows a new request, too

REASONS = 32
SENT = 256  # more than the order rate can count
WORTH_CHANGES = 100  # a price that moves by more than its 100th part

REFUSALS = np.dtype(
    [
        # Kinds by side and reason, of our own risk and of the venue.
        ("denied", "i8", (2, REASONS)),
        ("rejected", "i8", (2, REASONS)),
        ("window_ns", "i8"),  # of the order rate
        ("now_ns", "i8"),  # of the last decision
        # The touch of the last decision and how often it has changed; what was refused since, as ranks of a price.
        ("touches", "i8"),
        ("bid_ticks", "i8"),
        ("ask_ticks", "i8"),
        ("far_rank", "i8", (2,)),  # this and every worse one
        ("near_rank", "i8", (2,)),  # this and every better one
        ("take_rank", "i8", (2,)),  # the same, of post-only orders
        # How often what a size depends on has changed; the kind of a side's refusal, 0 without one.
        ("changes", "i8", (2,)),
        ("blocked", "i8", (2,)),
        ("blocked_lots", "i8", (2,)),
        ("blocked_price_ticks", "i8", (2,)),  # the side's first target price then
        ("rate_ns", "i8"),  # when a refused rate may have room again
        ("sent", "i8"),  # orders that were not denied, and the times of their decisions
        ("sent_ns", "i8", (SENT,)),
    ]
)


@compiled
def update_touch(refusals: Record, bid_ticks: int, ask_ticks: int, now_ns: int) -> None:
    """A decision on this touch: where it has changed, no price is refused any more."""
    refusals.now_ns = now_ns
    if bid_ticks == refusals.bid_ticks and ask_ticks == refusals.ask_ticks:
        return
    refusals.bid_ticks = bid_ticks
    refusals.ask_ticks = ask_ticks
    refusals.touches += 1
    for side in range(2):
        refusals.far_rank[side] = -INT64_MAX
        refusals.near_rank[side] = INT64_MAX
        refusals.take_rank[side] = INT64_MAX


@compiled
def side_changed(refusals: Record, side: int) -> None:
    """An order of a side is closed: the side has room again, and so has the other where all orders count."""
    refusals.changes[side] += 1
    refusals.blocked[side] = TRANSIENT
    if refusals.blocked[1 - side] & BY_ORDERS != 0:
        refusals.blocked[1 - side] = TRANSIENT


@compiled
def all_changed(refusals: Record) -> None:
    """Position, a limit or the trading state has changed: any size may be requested again."""
    for side in range(2):
        side_changed(refusals, side)


@compiled
def is_price_refused(refusals: Record, side: int, price_ticks: int) -> bool:
    """True for what would be refused again whatever its size: its price, or any order until the rate allows one."""
    rank = rank_of(side, price_ticks)
    is_refused: bool = rank <= refusals.far_rank[side] or rank >= refusals.near_rank[side]
    return is_refused or refusals.now_ns < refusals.rate_ns


@compiled
def would_take_again(refusals: Record, side: int, price_ticks: int) -> bool:
    """True for a post-only order that the venue would reject again, for taking."""
    is_refused: bool = rank_of(side, price_ticks) >= refusals.take_rank[side]
    return is_refused


@compiled
def is_size_refused(refusals: Record, side: int, lots: int, first_price_ticks: int) -> bool:
    """True for what would be refused again whatever its exact price; `first_price_ticks`: the side's first target."""
    kind = refusals.blocked[side]
    if kind == TRANSIENT:
        return False
    if kind & BY_LOTS != 0 and lots > refusals.blocked_lots[side]:
        return False
    then_ticks = refusals.blocked_price_ticks[side]
    return kind & BY_PRICE == 0 or abs(first_price_ticks - then_ticks) <= then_ticks // WORTH_CHANGES


@compiled
def count_sent(refusals: Record) -> None:
    """An order is intended; the order rate counts it unless it is denied."""
    refusals.sent_ns[refusals.sent % SENT] = refusals.now_ns
    refusals.sent += 1


@compiled
def uncount_sent(refusals: Record) -> None:
    """An order of the last decision was denied."""
    refusals.sent -= 1


@compiled
def _rate_ns(refusals: Record) -> int:
    """When the oldest order leaves the window of the rate; without one, the end of a full window."""
    oldest_ns: int = refusals.now_ns
    for at in range(refusals.sent - 1, max(refusals.sent - SENT, 0) - 1, -1):
        if refusals.sent_ns[at % SENT] <= refusals.now_ns - refusals.window_ns:
            break
        oldest_ns = refusals.sent_ns[at % SENT]
    return oldest_ns + refusals.window_ns


@compiled
def remember(refusals: Record, kind: int, side: int, order: Record, first_price_ticks: int) -> None:
    """An order (a QUOTE) was refused."""
    if kind & RATE != 0:
        refusals.rate_ns = _rate_ns(refusals)
    if kind & SIZE != 0 and order.changes == refusals.changes[side]:
        refusals.blocked[side] = kind
        refusals.blocked_lots[side] = order.leaves_lots
        refusals.blocked_price_ticks[side] = first_price_ticks
    if kind & (PRICE | TAKES) != 0 and order.touches == refusals.touches:
        _remember_price(refusals, kind, side, order.price_ticks)


@compiled
def _remember_price(refusals: Record, kind: int, side: int, price_ticks: int) -> None:
    rank = rank_of(side, price_ticks)
    beyond_mid = 2 * price_ticks - refusals.bid_ticks - refusals.ask_ticks
    if side == 1:
        beyond_mid = -beyond_mid
    if kind & TAKES != 0:
        refusals.take_rank[side] = min(refusals.take_rank[side], rank)
    elif beyond_mid > 0:
        refusals.near_rank[side] = min(refusals.near_rank[side], rank)
    else:
        refusals.far_rank[side] = max(refusals.far_rank[side], rank)
