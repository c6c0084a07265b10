"""What a recorder does with every frame, on the bus or without it."""

from collections.abc import Callable
from pathlib import Path
from time import monotonic

from mm_core.events import InstrumentDefined, RootEvent
from mm_store.recording import Recording
from mm_venues.registry import venue_of


class FramePort:
    """One instrument's frames into its feed, and to `folder` what the feed took (None: nowhere).

    `request_snapshot` is called where the recording needs one: behind a hole in it. `received_s`: of the last frame.
    """

    def __init__(
        self, instrument: InstrumentDefined, folder: Path | None, request_snapshot: Callable[[], None]
    ) -> None:
        self.feed = venue_of(instrument.instrument_id).new_feed(instrument)
        self.recording = Recording(folder, instrument.venue_symbol, request_snapshot) if folder else None
        self.frames = self.first_ns = 0
        self.received_s = monotonic()

    def put(self, recv_ns: int, frame: bytes) -> list[RootEvent]:
        """The events of a frame. FrameError for a bad one, of which nothing is stored."""
        events = self.feed.feed(recv_ns, frame)
        self.frames += 1
        self.first_ns = self.first_ns or recv_ns
        self.received_s = monotonic()
        if self.recording is not None:
            self.recording.write(recv_ns, frame)
        return events

    @property
    def frames_lost(self) -> int:
        """Frames that the disk did not take, or that were removed from it."""
        return self.recording.frames_lost if self.recording else 0

    def disk_failures(self) -> list[str]:
        """Why not all of it is on disk."""
        return [self.recording.failure] if self.recording and self.recording.failure else []
