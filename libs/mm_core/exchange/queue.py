"""The position of our order in the queue of its level: risk-averse and probabilistic (table: docs/queues.md).

`front` is the estimated lots ahead of us, a float because cancels are split by a probability; it never decides a
price, size or amount of money. Filled means that trades have taken more than was ahead: `front` rounds below zero.

The formulas are those of hftbacktest, whose quantities are in the base: the logarithms take lots x `lot_base`, so that
a share does not depend on the size of the lot. Powers are free of scale and take lots. One treatment is left out. Where
large cancels have estimated a front of less than -1 base, its logarithm is not a number (NaN); nor is a power that is
no integer, of a front below zero, or 0/0. hftbacktest's minimum then takes the level's new quantity: the order that
was first moves behind the complete level. Here all that was cancelled counts as behind us.
"""

import math

from mm_core.compiled import Record, compiled, hot, int64

RISK_AVERSE = 0
POWER = 1  # f(x) = x^n, f(back) / (f(back) + f(front))
POWER_2 = 2  # f(back) / f(back + front)
POWER_3 = 3  # 1 - f(front / (front + back))
LOG = 4  # f(x) = ln(1 + x), x in the base: f(back) / (f(back) + f(front))
LOG_2 = 5  # f(back) / f(back + front)

LOTS_MAX = int64(1 << 61)  # more traded lots, or lots beyond an order, count as so many


@hot
def _power(x: float, n: float) -> float:
    """x^n, NaN where that is not a real number; the usual n = 3 without a call (20 ns)."""
    if n == 3.0:
        return x * x * x
    if x < 0.0 and n != math.floor(n):
        return math.nan
    return x**n


@compiled
def _log(base: float) -> float:
    """ln(1 + base), NaN where that is not a real number."""
    if base > -1.0:
        return math.log(1.0 + base)
    return -math.inf if base == -1.0 else math.nan


@hot
def share_behind(model: int, power: float, lot_base: float, front: float, back: float) -> float:
    """Share of cancelled lots that stood behind us; all of them where there is no such number. `lot_base`: base a lot.

    An infinite share counts as all, too, as in hftbacktest.
    """
    if model == POWER:
        above = _power(back, power)
        below = above + _power(front, power)
    elif model == POWER_2:
        above = _power(back, power)
        below = _power(back + front, power)
    elif model == POWER_3:
        below = _power(front + back, power)
        above = below - _power(front, power)
    elif model == LOG:
        above = _log(back * lot_base)
        below = above + _log(front * lot_base)
    else:
        above = _log(back * lot_base)
        below = _log((back + front) * lot_base)
    if below == 0.0 or math.isnan(above) or math.isnan(below):
        return 1.0
    return above / below


@hot
def queue_on_depth(model: int, power: float, lot_base: float, order: Record, lots: int) -> None:
    """A depth event shows `lots` at the price of a resting order."""
    previous_lots = order.shown_lots
    order.shown_lots = lots
    if model == RISK_AVERSE:
        order.front_lots = min(order.front_lots, float(lots))
        return
    change = float(previous_lots - lots) - float(order.traded_lots)
    order.traded_lots = 0  # what traded since the last change is in this one
    front = order.front_lots
    if change >= 0.0:
        back = float(previous_lots) - front
        behind = share_behind(model, power, lot_base, front, back)
        front = front - (1.0 - behind) * change + min(back - behind * change, 0.0)
    order.front_lots = min(front, float(lots))


@compiled
def queue_on_trade(order: Record, lots: int) -> None:
    """`lots` traded at the price of a resting order."""
    order.front_lots -= lots
    order.traded_lots = min(order.traded_lots, LOTS_MAX) + min(lots, LOTS_MAX)


@compiled
def executable_lots(order: Record) -> int:
    """Lots that trades have taken beyond what stood ahead of the order; 0 while it waits."""
    if order.front_lots > -0.5:
        return 0
    return math.floor(min(-order.front_lots, float(LOTS_MAX)) + 0.5)
