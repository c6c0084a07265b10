"""The sequencer on the bus: assembly only."""

from mm_bus.trim import Trimmer
from mm_core.stamper import Stamper
from mm_service.service import Service, run_service
from mm_services.sequencer.figures import add_log, add_stream
from mm_services.sequencer.sequencer import Sequencer

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
        replicas=bus.replicas,
    )
    trimmer = Trimmer(service.bus, service.group, bus.stream_bytes_max)
    add_log(service.metrics, sequencer)
    add_stream(service.metrics, trimmer, bus.stream_bytes_max)
    await sequencer.start()
    trimming = service.bus.begin(trimmer.run())

    async def stop() -> None:
        trimming.cancel()
        await sequencer.stop()

    service.on_stop(stop)
    service.status = lambda: sequencer.status() | {"stream_bytes": trimmer.stream_bytes, "first_seq": trimmer.first_seq}


if __name__ == "__main__":
    run_service("sequencer", start)
