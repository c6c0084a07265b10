"""Order-flow imbalance over a window of Ticks."""

import numpy as np

from mm_core.compiled import Record, compiled

FLOW_BUCKETS = 1 << 10

FLOW = np.dtype(
    [
        ("window_ticks", "i8"),
        ("current_lots", "i8"),
        ("sum_lots", "i8"),
        ("count", "i8"),
        ("bucket", "i8", (FLOW_BUCKETS,)),
    ]
)


@compiled
def flow_bucket(flow: Record) -> int:
    """Close the bucket of this tick and return the imbalance over the window."""
    if flow.window_ticks == 0:
        flow.current_lots = 0
        return 0
    slot = flow.count & (FLOW_BUCKETS - 1)
    flow.bucket[slot] = flow.current_lots
    flow.sum_lots += flow.current_lots
    flow.current_lots = 0
    flow.count += 1
    if flow.count > flow.window_ticks:
        flow.sum_lots -= flow.bucket[(flow.count - 1 - flow.window_ticks) & (FLOW_BUCKETS - 1)]
    return flow.sum_lots
