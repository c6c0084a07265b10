"""Position and result of one account; every figure but the fees is an exact integer of half-ticks x lots.

Prices enter as ticks and the mid as half-ticks (bid + ask), so nothing is rounded before display. Identity, exact at
every moment (QUANT 7): total = cash + position x mid = realised + unrealised = spread + inventory, fees apart.
"""

import numpy as np

from mm_core.accounting.money import divide_half_even
from mm_core.compiled import compiled

ACCOUNT = np.dtype(
    [
        ("position_lots", "i8"),
        ("cash_half", "i8"),
        ("cost_half", "i8"),  # what the open position cost (average price x position)
        ("realised_half", "i8"),
        ("spread_half", "i8"),  # sum of side x lots x (mid - price) at each fill
        ("inventory_half", "i8"),  # sum of position x change of the mid
        ("mid_half", "i8"),  # last mid, 0 before the first
        ("fees_e9", "i8"),
        ("traded_tick_lots", "i8"),
        ("fills", "i8"),
    ]
)


@compiled
def account_fill(account, side, price_ticks, qty_lots, fee_e9):
    """Book one fill. A fill before the first mid is valued at its own price."""
    signed_lots = qty_lots if side == 0 else -qty_lots
    price_half = 2 * price_ticks
    mid_half = account.mid_half if account.mid_half != 0 else price_half
    account.spread_half += signed_lots * (mid_half - price_half)
    account.mid_half = mid_half
    closed_lots = _closed_lots(account.position_lots, signed_lots)
    if closed_lots != 0:
        cost_half = divide_half_even(account.cost_half * abs(closed_lots), abs(account.position_lots))
        account.realised_half += -closed_lots * price_half - cost_half
        account.cost_half -= cost_half
    account.cost_half += (signed_lots - closed_lots) * price_half
    account.position_lots += signed_lots
    account.cash_half -= signed_lots * price_half
    account.fees_e9 += fee_e9
    account.traded_tick_lots += qty_lots * price_ticks
    account.fills += 1


@compiled
def _closed_lots(position_lots, signed_lots):
    """The part of a fill that closes the position, with the sign of the fill."""
    if position_lots > 0 and signed_lots < 0:
        return max(signed_lots, -position_lots)
    if position_lots < 0 and signed_lots > 0:
        return min(signed_lots, -position_lots)
    return 0


@compiled
def account_mark(account, mid_half):
    """Revalue the position at a new mid in half-ticks."""
    if account.mid_half != 0:
        account.inventory_half += account.position_lots * (mid_half - account.mid_half)
    account.mid_half = mid_half


@compiled
def unrealised_half(account):
    """Value of the open position over its cost."""
    return account.position_lots * account.mid_half - account.cost_half


@compiled
def total_half(account):
    """Result before fees: realised + unrealised."""
    return account.realised_half + unrealised_half(account)
