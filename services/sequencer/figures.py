"""The sequencer's log: how long a root takes, what waits for whom, and what was refused."""

from functools import partial
from time import perf_counter
from typing import Any

from mm_bus.topology import INPUTS
from mm_bus.trim import Trimmer
from mm_core.types import NS_PER_S
from mm_service.metrics import Metrics
from mm_services.sequencer.sequencer import Sequencer

COUNTS = {
    "roots": "Roots appended",
    "roots_refused": "Roots that are no event, or not their source's",
    "outputs": "Outputs appended",
    "reports": "Reports of nodes",
    "reports_late": "Reports that came again",
    "reports_refused": "Reports that claim what is not their node's",
    "resends": "Times the nodes were requested to report again",
}
STATUS = {
    "roots_waiting": "Roots that are not on the log yet",
    "log_last_seq": "Last sequence of the log",
    "log_stored_seq": "Last sequence that the bus is known to have stored",
    "wait_seconds": "How long the log has waited for reports to the current root; 0 when it waits for none",
    "held_seconds": "How late the root is that the log is held for; 0 while it is not held",
    "log_time_seconds": "Exchange time of the last root, as Unix time",
    "ended": "1 once the log is closed",
}
STATUS_COUNTS = {
    "append_lookups": "Times the stream was queried for its end: errors, silence, a lost connection",
    "roots_repeated": "Roots that came again",
    "log_stalls": "Times the log was held, because market data had become too old",
    "root_holes": "Times a source was requested to send roots that are missing",
}


def add_log(metrics: Metrics, sequencer: Sequencer) -> None:
    """All figures of a sequencer."""
    sequencer.on_quiescent = metrics.seconds("root_seconds", "Time from a root's append to quiescence")
    sequencer.on_order = metrics.seconds("order_seconds", "Time from a root's append to a SubmitOrder's")
    for name, text in COUNTS.items():
        metrics.counter(name, text, partial(getattr, sequencer.counts, name))
    for name, text in STATUS.items():
        metrics.gauge(name, text, partial(_status, sequencer, name))
    for name, text in STATUS_COUNTS.items():
        metrics.counter(name, text, partial(_status, sequencer, name))
    for node in INPUTS:
        metrics.gauge(
            "waits_for", "1 while the log waits for a report of this node", partial(_waits, sequencer, node), node=node
        )


def add_stream(metrics: Metrics, trimmer: Trimmer, bytes_max: int) -> None:
    """The size of the log on the bus, which is trimmed above its limit."""
    metrics.gauge("log_stream_bytes", "Size of the log on the bus", lambda: trimmer.stream_bytes)
    metrics.gauge("log_stream_max_bytes", "Size above which the log is trimmed; 0: never", lambda: bytes_max)
    metrics.gauge("log_first_seq", "First sequence that the log on the bus still holds", lambda: trimmer.first_seq)
    metrics.counter("log_trims", "Times the log on the bus was trimmed", lambda: trimmer.trims)


def _status(sequencer: Sequencer, name: str) -> float:
    status = sequencer.status()
    read: dict[str, Any] = {
        "log_last_seq": status["last_seq"],
        "log_stored_seq": status["stored_seq"],
        "wait_seconds": perf_counter() - sequencer.tree_s if status["waits_for"]["seq"] else 0.0,
        "log_time_seconds": status["local_ns"] / NS_PER_S,
        "held_seconds": status["held_ns"] / NS_PER_S,
        "log_stalls": status["stalls"],
        "append_lookups": status["lookups"],
        "root_holes": status["holes"],
    }
    return float(read[name] if name in read else status[name])


def _waits(sequencer: Sequencer, node: str) -> float:
    return float(node in sequencer.status()["waits_for"]["nodes"])
