"""Avellaneda and Stoikov (2008), equations 29 and 30, in ticks, seconds and lots of one order.

r = s - n gamma sigma^2 tau; total spread psi = gamma sigma^2 tau + (2/gamma) ln(1 + gamma/k). `gamma` is per lot of one
order (gamma_cur x lot) and per tick, `k` per tick, sigma in ticks per root second, tau in seconds, held constant
(markets do not close). Long inventory moves the whole pair down. gamma = 0 is the limit 2/k; NaN in means no quote.
"""

import math

from mm_core.compiled import Record, compiled
from mm_core.quoting.terms import inventory

NAME = "avellaneda_stoikov"
GAMMA_PER_TICK = 0
K_PER_TICK = 1
HORIZON_S = 2
VOLATILITY_TICKS_SQRT_S = 3  # 0: take the book's own estimate
PARAMETER_NAMES = ("gamma_per_tick", "k_per_tick", "horizon_s", "volatility_ticks_sqrt_s")


@compiled
def liquidity_half_ticks(gamma: float, k: float) -> float:
    """(1/gamma) ln(1 + gamma/k), without loss where gamma/k is small; 1/k for gamma = 0."""
    x = gamma / k
    if x < 1e-8:
        return (1.0 - x / 2.0 + x * x / 3.0) / k
    return math.log1p(x) / gamma


@compiled
def reservation_ticks(fair_ticks: float, n: float, gamma: float, variance_ticks: float, horizon_s: float) -> float:
    """Fair price less n gamma sigma^2 tau."""
    return fair_ticks - n * gamma * variance_ticks * horizon_s


@compiled
def half_spread_ticks(gamma: float, k: float, variance_ticks: float, horizon_s: float) -> float:
    """Half of the total spread psi."""
    return 0.5 * gamma * variance_ticks * horizon_s + liquidity_half_ticks(gamma, k)


@compiled
def avellaneda_stoikov(terms: Record, top: Record) -> None:
    """Quotes around the mid; volatility from the book unless the parameters fix it."""
    gamma = terms.parameters[GAMMA_PER_TICK]
    k = terms.parameters[K_PER_TICK]
    horizon_s = max(terms.parameters[HORIZON_S], 0.0)
    sigma = terms.parameters[VOLATILITY_TICKS_SQRT_S]
    if sigma == 0.0:
        sigma = top.volatility_ticks_sqrt_s
    terms.fair_ticks = (top.bid_ticks + top.ask_ticks) / 2.0
    terms.reservation_ticks = reservation_ticks(terms.fair_ticks, inventory(terms), gamma, sigma * sigma, horizon_s)
    terms.half_spread_ticks = half_spread_ticks(gamma, k, sigma * sigma, horizon_s)
