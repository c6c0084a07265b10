"""The sequencer on the bus: assembly only."""

from mm_core.sequencer import Sequencer as Stamper
from mm_runtime.figures.log import add_log, add_stream
from mm_runtime.sequencer import Sequencer
from mm_runtime.service import Service, run_service
from mm_runtime.stream_size import StreamSize

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
    size = StreamSize(service.bus, service.group, bus.stream_bytes_max)
    add_stream(service.metrics, size)
    await sequencer.start()
    service.on_stop(sequencer.stop)
    await size.start()
    service.on_stop(size.stop)
    service.status = sequencer.status


if __name__ == "__main__":
    run_service("sequencer", start)
