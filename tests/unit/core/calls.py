"""Calls into the compiled core for tests: each takes arrays of one record and hands the record on.

Python cannot call the core's functions on records as cheaply or safely as on arrays. The book is small, so that its
window moves and its far table fills.
"""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba import types

from mm_core.accounting import account as accounts
from mm_core.accounting import money
from mm_core.book import book as books
from mm_core.book import window as windows
from mm_core.compiled import compiled, new
from mm_core.quoting import avellaneda_stoikov as a_s
from mm_core.quoting import quoter as quoters
from mm_core.quoting.fixed_spread import fixed_spread
from mm_core.quoting.state import QUOTER
from mm_core.quoting.terms import TERMS, decide_prices
from mm_core.setup.refusals import fill_kinds
from mm_core.signals import builder as builders
from mm_core.signals.builder import TOP, VALID
from mm_core.signals.executable import executable
from mm_core.signals.touch import flow_lots, weighted_mid_ticks
from mm_core.signals.volatility import volatility_reseed, volatility_sample, volatility_ticks_sqrt_s

BUY = 0
SELL = 1
WIDTH = 64
FAR = 32
FAR_LEVELS = 24  # levels that a table of FAR places holds whatever their order

State = np.ndarray[Any, Any]


# The book.


@compiled
def clear_book(book: State) -> None:
    books.clear_book(book[0])


@compiled
def set_level(book: State, side: int, price_ticks: int, lots: int) -> Any:
    return books.set_level(book[0], side, books.rank_of(side, price_ticks), lots)


@compiled
def lots_at(book: State, side: int, price_ticks: int) -> Any:
    return books.lots_at(book[0], side, books.rank_of(side, price_ticks))


@compiled
def clear_to(book: State, side: int, price_ticks: int) -> None:
    books.clear_to(book[0], side, books.rank_of(side, price_ticks))


@compiled
def touch(book: State) -> Any:
    part = book[0]
    return books.best_ticks(part, 0), books.best_lots(part, 0), books.best_ticks(part, 1), books.best_lots(part, 1)


@compiled
def top_levels(book: State, side: int, ticks: State, lots: State) -> Any:
    return books.top_levels(book[0], side, ticks, lots)


@compiled
def is_cut(book: State, side: int) -> Any:
    return windows.is_cut(book[0], side)


@compiled
def is_crossed(book: State) -> Any:
    return books.is_crossed(book[0])


@compiled
def state_hash(book: State) -> Any:
    return books.state_hash(book[0])


# Signals.


@compiled
def weighted_mid(bid_ticks: int, bid_lots: int, ask_ticks: int, ask_lots: int) -> Any:
    return weighted_mid_ticks(bid_ticks, bid_lots, ask_ticks, ask_lots)


@compiled
def flow(previous: State, bid_ticks: int, bid_lots: int, ask_ticks: int, ask_lots: int) -> Any:
    return flow_lots(previous[0], bid_ticks, bid_lots, ask_ticks, ask_lots)


@compiled
def sample_volatility(volatility: State, mid_half: int, now_ns: int) -> Any:
    volatility_sample(volatility[0], mid_half, now_ns)
    return volatility_ticks_sqrt_s(volatility[0], now_ns)


@compiled
def read_volatility(volatility: State, now_ns: int) -> Any:
    return volatility_ticks_sqrt_s(volatility[0], now_ns)


@compiled
def reseed_volatility(volatility: State) -> None:
    volatility_reseed(volatility[0])


@compiled
def executable_spread(book: State, sizes_lots: State, work: State, spread_bps: State, fraction: State) -> None:
    executable(book[0], sizes_lots, work, spread_bps, fraction)


@compiled
def builder_status(builder: State, state: int, epoch: int) -> None:
    builders.builder_status(builder[0], state, epoch, 1, 1_000_000)


@compiled
def builder_clear(builder: State) -> None:
    builders.builder_clear(builder[0])


@compiled
def builder_event(builder: State, sides: State, ticks: State, lots: State, now_ns: int) -> None:
    """One market event of some levels, received at `now_ns`."""
    part = builder[0]
    part.feed_ns = now_ns
    for i in range(sides.shape[0]):
        builders.builder_level(part, sides[i], ticks[i], lots[i])
    if part.touched != 0:
        builders.builder_end(part)


@compiled
def builder_publish(builder: State, now_ns: int) -> None:
    builders.builder_publish(builder[0], now_ns)


@compiled
def builder_tick(builder: State, now_ns: int) -> None:
    builders.builder_tick(builder[0], now_ns)


# Accounting.


@compiled
def fill(account: State, side: int, price_ticks: int, qty_lots: int, fee_e9: int, mid_half: int = 0) -> None:
    accounts.account_fill(account[0], side, price_ticks, qty_lots, fee_e9, mid_half)


@compiled
def mark(account: State, mid_half: int) -> None:
    accounts.account_mark(account[0], mid_half)


@compiled
def results(account: State) -> Any:
    """(unrealised, total) in half-ticks x lots."""
    return accounts.unrealised_half(account[0]), accounts.total_half(account[0])


@compiled
def fee_e9(tick_lots: int, rate_ppb: int, value_num: int, value_den: int) -> Any:
    return money.fee_e9(tick_lots, rate_ppb, value_num, value_den)


@compiled
def money_e9(tick_lots: int, value_num: int, value_den: int) -> Any:
    return money.money_e9(tick_lots, value_num, value_den)


# Quoting.


@compiled
def quote_avellaneda_stoikov(terms: State, top: State) -> None:
    a_s.avellaneda_stoikov(terms[0], top[0])
    decide_prices(terms[0], top[0].bid_ticks, top[0].ask_ticks)


@compiled
def decide(terms: State, bid_ticks: int, ask_ticks: int) -> None:
    decide_prices(terms[0], bid_ticks, ask_ticks)


# A strategy handed on as a value: only with its signature written down is the receiver cached on disk.
_DECIDE = types.void(
    types.Array(numba.from_dtype(QUOTER), 1, "C"),
    types.Array(numba.from_dtype(TOP), 1, "C"),
    types.FunctionType(types.void(numba.from_dtype(TERMS), numba.from_dtype(TOP))),
)


@numba.njit(_DECIDE, cache=True, error_model="numpy", boundscheck=True)
def _quoter_decide(quoter: State, top: State, strategy: Callable[..., None]) -> None:
    quoters.quoter_decide(quoter[0], top[0], strategy)


def quoter_decide(quoter: State, top: State) -> None:
    _quoter_decide(quoter, top, fixed_spread)


@compiled
def quoter_accepted(quoter: State, side: int, order_id: int, leaves_lots: int) -> None:
    quoters.quoter_accepted(quoter[0], side, order_id, leaves_lots)


@compiled
def quoter_filled(quoter: State, side: int, order_id: int, qty_lots: int, leaves_lots: int) -> None:
    quoters.quoter_filled(quoter[0], side, order_id, qty_lots, leaves_lots)


@compiled
def quoter_denied(quoter: State, side: int, order_id: int, reason: int) -> None:
    quoters.quoter_denied(quoter[0], side, order_id, reason)


@compiled
def quoter_rejected(quoter: State, side: int, order_id: int, reason: int) -> None:
    quoters.quoter_rejected(quoter[0], side, order_id, reason)


@compiled
def quoter_command(quoter: State, command: int) -> None:
    quoters.quoter_command(quoter[0], command)


@compiled
def quoter_trading_state(quoter: State, trading_state: int) -> None:
    quoters.quoter_trading_state(quoter[0], trading_state)


@compiled
def quoter_limits_changed(quoter: State) -> None:
    quoters.quoter_limits_changed(quoter[0])


@compiled
def quoter_closed(quoter: State, side: int, order_id: int) -> None:
    quoters.quoter_closed(quoter[0], side, order_id)


# Records.


def new_top(bid_ticks: int, ask_ticks: int, *, lots: int = 10, state: int = VALID, local_ns: int = 0) -> State:
    """What everyone sees of the book: `lots` on both sides."""
    top = new(TOP)
    top["state"] = state
    top["local_ns"] = local_ns
    top["bid_ticks"] = bid_ticks
    top["ask_ticks"] = ask_ticks
    top["bid_lots"] = lots
    top["ask_lots"] = lots
    return top


def new_terms(**values: float) -> State:
    """Terms without bounds, skew or limits; an order is one lot."""
    terms = new(TERMS)
    terms["lot_lots"] = 1
    terms["position_lots_max"] = 1_000_000
    for name, value in values.items():
        terms[name] = value
    return terms


def new_quoter(half_spread_ticks: float, *, levels: int = 1, **values: float) -> State:
    """A quoter of a fixed spread around the mid, ids from 1, orders of 10 lots, levels a tick apart; no replenishing.

    The order rate's window is 1 s.
    """
    quoter = new(QUOTER)
    quoter["terms"] = new_terms(lot_lots=10)
    quoter["terms"]["parameters"][0, 0] = half_spread_ticks
    quoter["levels"] = levels
    quoter["level_step_ticks"] = 1
    quoter["next_order_id"] = 1
    fill_kinds(quoter["refusals"])
    quoter["refusals"]["window_ns"] = 1_000_000_000
    for name, value in values.items():
        quoter[name] = value
    return quoter


def outbox(node: State) -> State:
    """The last messages of a quoter or a risk gate."""
    return np.asarray(node["outbox"][0][: int(node["outbox_count"][0])])
