"""The sequencer on the bus: assembly only."""

from functools import partial

from mm_core.sequencer import Sequencer as Stamper
from mm_runtime.sequencer import Sequencer
from mm_runtime.service import Service, run_service

NS_PER_MS = 1_000_000


async def start(service: Service) -> None:
    """Take up the log and write it."""
    bus, clock = service.settings.bus, service.settings.clock
    stamper = Stamper(clock.tick_period_ms * NS_PER_MS, clock.offset_ns)
    sequencer = Sequencer(
        service.bus,
        service.group,
        stamper,
        by_clock=bus.ticks == "clock",
        grace_ns=bus.tick_grace_ms * NS_PER_MS,
    )
    metrics, counts = service.metrics, sequencer.counts
    sequencer.on_quiescent = metrics.seconds("root_seconds", "Time from a root's append to quiescence")
    for name in counts.__struct_fields__:
        metrics.counter(name, f"{name.replace('_', ' ').capitalize()} since the start", partial(getattr, counts, name))
    metrics.gauge("log_last_seq", "Last sequence of the log", lambda: sequencer.status()["last_seq"])
    metrics.gauge("roots_waiting", "Roots that are not on the log yet", lambda: sequencer.status()["roots_waiting"])
    await sequencer.start()
    service.on_stop(sequencer.stop)
    service.status = sequencer.status


if __name__ == "__main__":
    run_service("sequencer", start)
