"""The sequencer on the bus: assembly only."""

from mm_core.sequencer import Sequencer as Stamper
from mm_runtime.figures.log import add_log
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
        delay_ns_max=bus.delay_ms_max * NS_PER_MS,
        offset_ns=clock.offset_ns,
        decide_on=service.settings.book.decide_on,
    )
    add_log(service.metrics, sequencer)
    await sequencer.start()
    service.on_stop(sequencer.stop)
    service.status = sequencer.status


if __name__ == "__main__":
    run_service("sequencer", start)
