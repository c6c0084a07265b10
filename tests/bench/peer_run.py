"""Run the benchmark job in hftbacktest: executed by the Python of an environment that has it, for `peer_real.py`.

    <peer's python> tests/bench/peer_run.py --data <events.npz> --tick 0.1 --lot 0.001 --queue power_prob:3 ..

Prints one JSON object: the results of the job, and `ended`, the code with which the engine stopped (1: end of data).
"""

import argparse
import json
import sys
from typing import Any

import hftbacktest as hbt  # type: ignore[import-not-found]  # the peer's environment
import numpy as np
from numba import njit

NS_PER_MS = 1_000_000
NO_BID, NO_ASK = -(2**63) + 1, 2**63 - 1
QUEUES = {
    "risk_averse": "risk_adverse_queue_model",
    "power_prob": "power_prob_queue_model",
    "power_prob_2": "power_prob_queue_model2",
    "power_prob_3": "power_prob_queue_model3",
    "log_prob": "log_prob_queue_model",
    "log_prob_2": "log_prob_queue_model2",
}


@njit
def remember_rejected(bot: Any, seen: Any, best_bid: int, best_ask: int) -> None:
    """A post-only order that would have taken is not sent again, nor a better one, until the touch has changed.

    `seen`: the touch of the last decision, and the prices at which a buy and a sell would take.
    """
    orders = bot.orders(0).values()
    while orders.has_next():
        order = orders.get()
        if order.status == hbt.EXPIRED and order.side == hbt.BUY:
            seen[2] = min(seen[2], order.price_tick)
        elif order.status == hbt.EXPIRED:
            seen[3] = max(seen[3], order.price_tick)
    if seen[0] != best_bid or seen[1] != best_ask:
        seen[:] = best_bid, best_ask, NO_ASK, NO_BID


@njit
def decide(bot: Any, seen: Any, next_id: int, half_spread: float, skew: float, qty: float, position_max: float) -> int:
    """One decision: cancel what rests at another price, submit what is missing; returns the next order id."""
    depth = bot.depth(0)
    best_bid, best_ask = depth.best_bid_tick, depth.best_ask_tick
    remember_rejected(bot, seen, best_bid, best_ask)
    bot.clear_inactive_orders(0)
    if best_bid <= NO_BID or best_ask >= NO_ASK:
        return next_id
    position = bot.position(0)
    middle = (best_bid + best_ask) / 2.0 - skew * (position / qty)
    bid = min(np.int64(np.floor(middle - half_spread)), best_bid)
    ask = max(np.int64(np.ceil(middle + half_spread)), best_ask)
    buys, sells = position < position_max - 1e-9, position > -position_max + 1e-9
    orders = bot.orders(0).values()
    while orders.has_next():
        order = orders.get()
        is_buy = order.side == hbt.BUY
        if is_buy and buys and order.price_tick == bid:
            buys = False
        elif not is_buy and sells and order.price_tick == ask:
            sells = False
        elif order.cancellable:
            bot.cancel(0, order.order_id, False)
    if buys and bid < seen[2]:
        bot.submit_buy_order(0, next_id, bid * depth.tick_size, qty, hbt.GTX, hbt.LIMIT, False)
        next_id += 1
    if sells and ask > seen[3]:
        bot.submit_sell_order(0, next_id, ask * depth.tick_size, qty, hbt.GTX, hbt.LIMIT, False)
        next_id += 1
    return next_id


@njit
def run(bot: Any, step_ns: int, half_spread: float, skew: float, qty: float, position_max: float) -> Any:
    """The whole job: (steps, next order id, the code that ended it)."""
    next_id, steps = 1, 0
    seen = np.array([0, 0, NO_ASK, NO_BID])
    ended = bot.elapse(step_ns)
    while ended == 0:
        next_id = decide(bot, seen, next_id, half_spread, skew, qty, position_max)
        steps += 1
        ended = bot.elapse(step_ns)
    return steps, next_id, ended


def new_asset(data: Any, options: argparse.Namespace) -> Any:
    """The market with latencies, fees, and the models asked for."""
    asset = hbt.BacktestAsset().data(data).linear_asset(1.0)
    asset = asset.constant_order_latency(int(options.entry_ms * NS_PER_MS), int(options.response_ms * NS_PER_MS))
    asset = asset.trading_value_fee_model(options.maker_fee, 0.0005).tick_size(options.tick).lot_size(options.lot)
    asset = asset.partial_fill_exchange() if options.partial_fills else asset.no_partial_fill_exchange()
    name, _, power = options.queue.partition(":")
    model = getattr(asset, QUEUES[name])
    return model(float(power)) if power else model()


def parsed() -> argparse.Namespace:
    """The options: those of `crypto-mm bench`, and the events."""
    parser = argparse.ArgumentParser(description="The benchmark job in hftbacktest.")
    parser.add_argument("--data", required=True)
    parser.add_argument("--queue", required=True)
    parser.add_argument("--partial-fills", action="store_true")
    for name in ("tick", "lot", "half-spread", "skew", "qty", "maxpos"):
        parser.add_argument(f"--{name}", type=float, required=True)
    for name, default in (("step-ms", 100.0), ("entry-ms", 10.0), ("response-ms", 10.0), ("maker-fee", 0.0002)):
        parser.add_argument(f"--{name}", type=float, default=default)
    return parser.parse_args()


def main() -> None:
    """Run once and print."""
    options = parsed()
    data = np.load(options.data)["data"]  # kept alive to the end: the engine reads it in place
    bot = hbt.HashMapMarketDepthBacktest([new_asset(data, options)])
    terms = options.half_spread, options.skew, options.qty, options.maxpos
    steps, next_order_id, ended = run(bot, int(options.step_ms * NS_PER_MS), *terms)
    state = bot.state_values(0)
    result: dict[str, float] = {"steps": int(steps), "next_order_id": int(next_order_id), "ended": int(ended)}
    result |= {"fills": int(state.num_trades), "position": float(state.position)}
    result |= {"traded_value": float(state.trading_value), "balance": float(state.balance), "fee": float(state.fee)}
    bot.close()
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
