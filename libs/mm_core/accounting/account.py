"""Position and result of one account; every figure but the fees is an exact integer of half-ticks x lots.

Prices enter as ticks and the mid as half-ticks (bid + ask), so nothing is rounded before display. Identity, exact at
every moment: total = cash + position x mid = realised + unrealised = spread + inventory, fees apart. A
figure that does not fit 63 bits is an OverflowError.
"""

import numpy as np

from mm_core.accounting.money import money_e9, scale_half_even, sum_product
from mm_core.compiled import Record, compiled

_LAP = 1 << 62

ACCOUNT = np.dtype(
    [
        ("position_lots", "i8"),
        ("cash_half", "i8"),
        ("cost_half", "i8"),  # what the open position cost (average price x position)
        ("realised_half", "i8"),
        ("spread_half", "i8"),  # sum of side x lots x (mid - price) at each fill, at the venue's mid just before it
        ("inventory_half", "i8"),  # sum of position x change of the mid, from fill to fill and mark to mark
        ("mid_half", "i8"),  # last mid, 0 before the first
        ("fees_e9", "i8"),
        ("traded_tick_lots", "i8"),  # below 2^62; a volume grows beyond any integer: see `traded_value`
        ("traded_laps", "i8"),  # times that 2^62 was taken from it
        ("fills", "i8"),
    ]
)


@compiled
def account_fill(account: Record, side: int, price_ticks: int, qty_lots: int, fee_e9: int, mid_half: int) -> None:
    """Book one fill; `mid_half` is the venue's mid just before it, 0 where unknown: then the last mid, or its price.

    What the mid has moved between the fill and the last mark is of the inventory, as if the mark stood at the fill.
    """
    signed_lots = qty_lots if side == 0 else -qty_lots
    price_half = 2 * price_ticks
    if account.mid_half == 0:
        account.mid_half = mid_half if mid_half != 0 else price_half
    at_half = mid_half if mid_half != 0 else account.mid_half
    account.spread_half = sum_product(account.spread_half, signed_lots, at_half - price_half)
    account.inventory_half = sum_product(account.inventory_half, signed_lots, account.mid_half - at_half)
    closed_lots = _closed_lots(account.position_lots, signed_lots)
    if closed_lots != 0:
        cost_half = scale_half_even(account.cost_half, abs(closed_lots), abs(account.position_lots))
        gain_half = sum_product(-cost_half, -closed_lots, price_half)
        account.realised_half = sum_product(account.realised_half, gain_half, 1)
        account.cost_half -= cost_half
    account.cost_half = sum_product(account.cost_half, signed_lots - closed_lots, price_half)
    account.position_lots = sum_product(account.position_lots, signed_lots, 1)
    account.cash_half = sum_product(account.cash_half, -signed_lots, price_half)
    account.fees_e9 = sum_product(account.fees_e9, fee_e9, 1)
    _count_volume(account, sum_product(0, qty_lots, price_ticks))
    account.fills += 1


@compiled
def _count_volume(account: Record, tick_lots: int) -> None:
    """Add a traded value, from 0 to below 2^63, to the sum of all."""
    rest = account.traded_tick_lots - _LAP + tick_lots  # from -2^62 to below 2^63: it does not wrap
    while rest >= 0:
        account.traded_laps += 1
        rest -= _LAP
    account.traded_tick_lots = rest + _LAP


def traded_value(account: Record) -> int:
    """Value of all fills of an ACCOUNT, in ticks x lots."""
    return int(account["traded_laps"]) * _LAP + int(account["traded_tick_lots"])


@compiled
def _closed_lots(position_lots: int, signed_lots: int) -> int:
    """The part of a fill that closes the position, with the sign of the fill."""
    if position_lots > 0 and signed_lots < 0:
        return max(signed_lots, -position_lots)
    if position_lots < 0 and signed_lots > 0:
        return min(signed_lots, -position_lots)
    return 0


@compiled
def account_mark(account: Record, mid_half: int) -> None:
    """Revalue the position at a new mid in half-ticks."""
    if account.mid_half != 0:
        change_half = mid_half - account.mid_half
        account.inventory_half = sum_product(account.inventory_half, account.position_lots, change_half)
    account.mid_half = mid_half


@compiled
def unrealised_half(account: Record) -> int:
    """Value of the open position over its cost."""
    return sum_product(-account.cost_half, account.position_lots, account.mid_half)


@compiled
def total_half(account: Record) -> int:
    """Result before fees: cash and the position at the mid, which is realised + unrealised."""
    return sum_product(account.cash_half, account.position_lots, account.mid_half)


@compiled
def result_e9(account: Record, value_num: int, value_den: int) -> int:
    """Result after fees in 1e-9 of the quote; one tick x one lot is value_num / value_den of it."""
    return sum_product(money_e9(total_half(account), value_num, 2 * value_den), -1, account.fees_e9)
