"""Ticks of a long silence, by the sequencer's own rule."""

from mm_core.compiled import Array, Record, compiled
from mm_core.stamper import next_due_ns

_next_due = compiled(next_due_ns)


@compiled
def skip_silence(market: Record, rows: Array, i: int) -> None:
    """In a long silence the next Tick is later (`mm_core.stamper`), but not much later than the row that ends it."""
    now_ns = market.tick_ns - market.period_ns
    market.tick_ns = _next_due(now_ns, rows[max(i - 1, 0)].local_ns, market.period_ns)
    if i < rows.shape[0] and rows[i].local_ns < market.tick_ns:
        market.tick_ns = _next_due(max(rows[i].local_ns, now_ns), rows[i].local_ns, market.period_ns)
