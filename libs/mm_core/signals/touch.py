"""Values of the touch: mid, weighted mid, best-level order-flow imbalance (Cont, Kukanov, Stoikov 2014)."""

from mm_core.compiled import Record, compiled, hot, int64

FLOW_LOTS_MAX = int64(1 << 52)  # a size, or a flow of one period, counts as no more


@hot
def weighted_mid_ticks(bid_ticks: int, bid_lots: int, ask_ticks: int, ask_lots: int) -> float:
    """Mid weighted by the opposite sizes: a big bid pulls it towards the ask. Both sizes must be > 0."""
    imbalance = bid_lots / (float(bid_lots) + float(ask_lots))
    return imbalance * ask_ticks + (1.0 - imbalance) * bid_ticks


@compiled
def flow_lots(previous: Record, bid_ticks: int, bid_lots: int, ask_ticks: int, ask_lots: int) -> int:
    """Best-level OFI of one step (Cont-Kukanov-Stoikov e_n): > 0 is buying pressure. 0 where a side was or is empty."""
    if previous.bid_lots == 0 or previous.ask_lots == 0 or bid_lots == 0 or ask_lots == 0:
        return 0
    flow = 0
    if bid_ticks >= previous.bid_ticks:
        flow += min(bid_lots, FLOW_LOTS_MAX)
    if bid_ticks <= previous.bid_ticks:
        flow -= min(previous.bid_lots, FLOW_LOTS_MAX)
    if ask_ticks <= previous.ask_ticks:
        flow -= min(ask_lots, FLOW_LOTS_MAX)
    if ask_ticks >= previous.ask_ticks:
        flow += min(previous.ask_lots, FLOW_LOTS_MAX)
    return flow


@compiled
def added_flow(sum_lots: int, flow: int) -> int:
    """The flow of one more step, within bounds that a window of 1,024 such sums cannot wrap."""
    return max(-FLOW_LOTS_MAX, min(FLOW_LOTS_MAX, sum_lots + flow))
