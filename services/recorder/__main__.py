"""The recorder on the bus: assembly only."""

import logging
from pathlib import Path

import msgspec

from mm_core.events import InstrumentDefined
from mm_core.types import InputError
from mm_service.figures.disk import FRAMES, add_folder
from mm_service.service import Service, run_service
from mm_service.sources import LIVE, PACED, REPLAY
from mm_services.recorder.figures import add_feed, add_live
from mm_services.recorder.live_source import LiveSource
from mm_services.recorder.options import add_options, frames_folder
from mm_services.recorder.recorded_source import RecordedSource
from mm_services.recorder.recorder import Recorder
from mm_store.ws_lines import WsLines
from mm_venues.audit import warm_book
from mm_wire.subjects import end_subject

log = logging.getLogger(__name__)


async def start(service: Service) -> None:
    """Begin to record what the options name."""
    options = service.options
    try:
        instrument = msgspec.json.decode(options.instrument.read_bytes(), type=InstrumentDefined)
    except (OSError, msgspec.DecodeError) as error:
        raise InputError(f"{options.instrument}: {error}; expected the JSON of an InstrumentDefined") from error
    warm_book()
    recorder = Recorder(service, instrument)
    service.status = recorder.status
    service.on_stop(recorder.stop)
    await service.bus.answer(end_subject(service.group), recorder.on_end)
    add_feed(service.metrics, recorder, instrument)
    if folder := frames_folder(options, instrument):
        add_folder(service.metrics, FRAMES, folder, f"{instrument.venue_symbol}_*.ws.gz")
    if options.source == LIVE:
        recorder.begin(_live(service, recorder, instrument))
        return
    for prefix in (REPLAY, PACED):
        if options.source.startswith(prefix):
            paths = [Path(path) for path in options.source.removeprefix(prefix).split(",")]
            source = _recorded(service, recorder, WsLines(paths, salvage=options.salvage))
            recorder.begin(source.replay() if prefix == REPLAY else source.pace())
            return
    raise InputError(f"--source {options.source}: expected live, {REPLAY}<files> or {PACED}<files>")


async def _live(service: Service, recorder: Recorder, instrument: InstrumentDefined) -> None:
    """The exchange's frames from now on, until the end is requested."""
    offset_ns, duration_ns = service.settings.clock.offset_ns, service.options.duration_ns
    ended = recorder.end_requested
    source = LiveSource(recorder, instrument, recorder.clock, offset_ns=offset_ns, duration_ns=duration_ns, ended=ended)
    recorder.source = source
    add_live(service.metrics, source)
    await source.run(service.settings.venue, recorder.until_nodes_ready)
    if source.reason:
        log.error("the session ends: %s", source.reason)


def _recorded(service: Service, recorder: Recorder, lines: WsLines) -> RecordedSource:
    """The source of a recording."""
    options, offset_ns = service.options, service.settings.clock.offset_ns
    source = RecordedSource(recorder, lines, speed=options.speed, duration_ns=options.duration_ns, offset_ns=offset_ns)
    recorder.source = source
    return source


if __name__ == "__main__":
    run_service("recorder", start, add_options)
