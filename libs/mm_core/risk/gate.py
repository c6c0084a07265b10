"""One order against the limits: the lots that may pass, and the first reason why not all of them.

Size limits adjust (the largest order that fits passes); everything else blocks. Working orders count as if filled.
The venue's filters are respected before anything is sent; their reference price is the mid.
"""

from mm_core.accounting.account import result_e9
from mm_core.accounting.money import sum_product
from mm_core.compiled import Record, compiled
from mm_core.filters import is_price_near, is_price_within, value_lots_max, value_lots_min
from mm_core.risk.reason import Reason
from mm_core.types import INT64_MAX, TradeState

ACTIVE = int(TradeState.ACTIVE)
REDUCING = int(TradeState.REDUCING)
HALTED = int(TradeState.HALTED)
VALID = 1

NONE = int(Reason.NONE)
R_HALTED = int(Reason.HALTED)
R_REDUCING = int(Reason.REDUCING)
R_BOOK_NOT_VALID = int(Reason.BOOK_NOT_VALID)
R_BOOK_EMPTY = int(Reason.BOOK_EMPTY)
R_ORDER_LOTS = int(Reason.ORDER_LOTS)
R_ORDER_VALUE = int(Reason.ORDER_VALUE)
R_POSITION = int(Reason.POSITION)
R_NOTIONAL = int(Reason.NOTIONAL)
R_PRICE_COLLAR = int(Reason.PRICE_COLLAR)
R_ORDER_RATE = int(Reason.ORDER_RATE)
R_SPOT_BALANCE = int(Reason.SPOT_BALANCE)
R_BELOW_MINIMUM = int(Reason.BELOW_MINIMUM)
R_MIN_NOTIONAL = int(Reason.MIN_NOTIONAL)
R_VENUE_QTY_MAX = int(Reason.VENUE_QTY_MAX)
R_VENUE_NOTIONAL_MAX = int(Reason.VENUE_NOTIONAL_MAX)
R_PRICE_DEVIATION = int(Reason.PRICE_DEVIATION)
R_PRICE_BOUNDS = int(Reason.PRICE_BOUNDS)

# What the account counts exactly whatever the limits are: a position of more value, or an order, is not let through.
# It leaves a factor of two for the mid, and one for the half-ticks of cash.
VALUE_TICK_LOTS_MAX = 1 << 61


@compiled
def blocking_reason(risk: Record, side: int, price_ticks: int, ts_ns: int) -> int:
    """First reason that stops an order whatever its size; NONE if there is none."""
    top = risk.top
    if risk.trading_state == HALTED:
        return R_HALTED
    if top.state != VALID:
        return R_BOOK_NOT_VALID
    if top.bid_lots == 0 or top.ask_lots == 0:
        return R_BOOK_EMPTY
    reason = _price_reason(risk, side, price_ticks, top.bid_ticks + top.ask_ticks)
    if reason != NONE:
        return reason
    if rate_reached(risk.submitted, risk.limits.orders_per_window_max, risk.limits.window_ns, ts_ns):
        return R_ORDER_RATE
    return NONE


@compiled
def _price_reason(risk: Record, side: int, price_ticks: int, mid_half: int) -> int:
    collar_bps = risk.limits.collar_bps
    if collar_bps > 0.0 and abs(2 * price_ticks - mid_half) * 1e4 > collar_bps * mid_half:
        return R_PRICE_COLLAR
    if not is_price_within(risk.filters, price_ticks):
        return R_PRICE_BOUNDS
    if not is_price_near(risk.filters, side, price_ticks, mid_half):
        return R_PRICE_DEVIATION
    return NONE


@compiled
def fitting_lots(risk: Record, side: int, price_ticks: int, qty_lots: int) -> tuple[int, int]:
    """(lots that fit all size limits, first reason that made them fewer)."""
    limits, filters = risk.limits, risk.filters
    lots, reason = _fit(qty_lots, NONE, limits.order_lots_max, R_ORDER_LOTS)
    lots, reason = _fit(
        lots, reason, min(limits.order_tick_lots_max, VALUE_TICK_LOTS_MAX) // price_ticks, R_ORDER_VALUE
    )
    lots, reason = _fit(lots, reason, filters.lots_max, R_VENUE_QTY_MAX)
    lots, reason = _fit(lots, reason, value_lots_max(filters, price_ticks), R_VENUE_NOTIONAL_MAX)
    room, why = position_room(risk, side, price_ticks)
    return _fit(lots, reason, max(room, 0), why)


@compiled
def _fit(lots: int, reason: int, most_lots: int, why: int) -> tuple[int, int]:
    if lots <= most_lots:
        return lots, reason
    return most_lots, reason if reason != NONE else why


@compiled
def minimum_reason(risk: Record, price_ticks: int, lots: int) -> int:
    """Why the venue would find an order too small; NONE if it would not."""
    if lots < risk.filters.lots_min:
        return R_BELOW_MINIMUM
    if lots < value_lots_min(risk.filters, price_ticks):
        return R_MIN_NOTIONAL
    return NONE


@compiled
def position_room(risk: Record, side: int, price_ticks: int) -> tuple[int, int]:
    """(lots that this side may still add, the limit that binds), all working orders of the side filled."""
    limits = risk.limits
    position = risk.account.position_lots if side == 0 else -risk.account.position_lots
    reachable = position + risk.open_lots[side]
    room = INT64_MAX
    why = NONE
    if limits.position_lots_max < INT64_MAX:
        room = min(limits.position_lots_max, VALUE_TICK_LOTS_MAX) - reachable
        why = R_POSITION
    notional_room = min(limits.notional_tick_lots_max, VALUE_TICK_LOTS_MAX) // price_ticks - reachable
    if notional_room < room:
        room = notional_room
        why = R_NOTIONAL
    if risk.trading_state == REDUCING and -reachable < room:
        room = -reachable
        why = R_REDUCING
    if limits.spot != 0:
        spot_room = spot_lots(risk, side, price_ticks)
        if spot_room < room:
            room = spot_room
            why = R_SPOT_BALANCE
    return room, why


@compiled
def spot_lots(risk: Record, side: int, price_ticks: int) -> int:
    """Lots that the spot balances still allow, working orders taken out: base for sells, quote for buys."""
    limits = risk.limits
    if side == 1:
        return limits.base_lots + risk.account.position_lots - risk.open_lots[1]
    free_tick_lots = sum_product(risk.account.cash_half // 2, -1, risk.open_tick_lots[0])
    return sum_product(free_tick_lots, 1, limits.quote_tick_lots) // price_ticks


@compiled
def rate_reached(rate: Record, most: int, window_ns: int, ts_ns: int) -> bool:
    """True if `most` events lie within the last `window_ns`; more than the ring counts are no limit."""
    size = rate.ts_ns.shape[0]
    if most <= 0:
        return True
    if most > size or rate.count - rate.first < most:
        return False
    return ts_ns - rate.ts_ns[(rate.count - most) % size] < window_ns


@compiled
def rate_count(rate: Record, ts_ns: int) -> None:
    """Count one event."""
    rate.ts_ns[rate.count % rate.ts_ns.shape[0]] = ts_ns
    rate.count += 1


@compiled
def rate_restart(rate: Record) -> None:
    """What was counted so far counts for the limit no more."""
    rate.first = rate.count


@compiled
def sum_lots(total_lots: int, lots: int) -> int:
    """The sum of two quantities, at most 2^63 - 1: a figure for people, for which nothing stops."""
    return total_lots + min(lots, INT64_MAX - total_lots)


@compiled
def risk_result_e9(risk: Record) -> int:
    """Result after fees of the gate's own account, in 1e-9 of the quote."""
    return result_e9(risk.account, risk.limits.value_num, risk.limits.value_den)
