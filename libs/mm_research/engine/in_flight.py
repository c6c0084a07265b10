"""How many changes of the touch can be in flight to us at once: what the history of TOUCHES must hold."""

from mm_core.compiled import Array, compiled
from mm_research.engine.state import LAST_BIT


@compiled
def events_in_flight(rows: Array, period_ns: int) -> int:
    """Most events that the venue has seen and the last decision has not; decisions are `period_ns` apart (TOUCHES)."""
    tick_ns = rows[0].exch_ns + period_ns
    seen = 0
    in_flight = 0
    most = 0
    for i in range(rows.shape[0]):
        while rows[i].exch_ns > tick_ns:
            while seen < i and rows[seen].local_ns <= tick_ns:
                if rows[seen].code & LAST_BIT != 0:
                    in_flight -= 1
                seen += 1
            tick_ns += period_ns * max(1, (rows[i].exch_ns - tick_ns - 1) // period_ns)
        if rows[i].code & LAST_BIT != 0:
            in_flight += 1
            most = max(most, in_flight)
    return most
