"""Position and result of one account; every figure but the fees is an exact integer of half-ticks x lots.

Prices enter as ticks and the mid as half-ticks (bid + ask), so nothing is rounded before display. Identity, exact at
every moment (QUANT 7): total = cash + position x mid = realised + unrealised = spread + inventory, fees apart.
"""

import numpy as np

from mm_core.accounting.money import scale_half_even
from mm_core.compiled import Record, compiled
from mm_core.types import INT64_MAX

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
def account_fill(account: Record, side: int, price_ticks: int, qty_lots: int, fee_e9: int) -> None:
    """Book one fill. A fill before the first mid is valued at its own price."""
    signed_lots = qty_lots if side == 0 else -qty_lots
    price_half = 2 * price_ticks
    mid_half = account.mid_half if account.mid_half != 0 else price_half
    account.spread_half += signed_lots * (mid_half - price_half)
    account.mid_half = mid_half
    closed_lots = _closed_lots(account.position_lots, signed_lots)
    if closed_lots != 0:
        if abs(account.position_lots) > INT64_MAX // abs(closed_lots):
            raise OverflowError("position x fill is beyond exact arithmetic (9.2e18 lots^2): use a larger lot")
        cost_half = scale_half_even(account.cost_half, abs(closed_lots), abs(account.position_lots))
        account.realised_half += -closed_lots * price_half - cost_half
        account.cost_half -= cost_half
    account.cost_half += (signed_lots - closed_lots) * price_half
    account.position_lots += signed_lots
    account.cash_half -= signed_lots * price_half
    account.fees_e9 += fee_e9
    account.traded_tick_lots += qty_lots * price_ticks
    account.fills += 1


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
        account.inventory_half += account.position_lots * (mid_half - account.mid_half)
    account.mid_half = mid_half


@compiled
def unrealised_half(account: Record) -> int:
    """Value of the open position over its cost."""
    return account.position_lots * account.mid_half - account.cost_half


@compiled
def total_half(account: Record) -> int:
    """Result before fees: realised + unrealised."""
    return account.realised_half + unrealised_half(account)
