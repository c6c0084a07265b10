"""A paper session: recorded frames through the feed, the sequencer and the five nodes, one event at a time.

What the nodes decide on is what a backtest of the same recording's tape decides on: equal configurations give equal
digests.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path
from time import monotonic, perf_counter_ns, sleep
from typing import Any

import msgspec

from mm_core import events as e
from mm_core.setup.config import Config
from mm_core.setup.core import new_core
from mm_core.setup.nodes import new_nodes
from mm_core.setup.notes import start_notes
from mm_core.setup.warm import warm
from mm_core.stamper import Stamper
from mm_core.types import NS_PER_S, InputError
from mm_research.memory_log import MemoryLog, OnEvent
from mm_research.recording import Recording
from mm_research.report import Report
from mm_research.session import Session, check_folder, write_session
from mm_research.session_tracker import SessionStatus, SessionTracker
from mm_store.log_file import writing_log
from mm_store.ws_lines import LeftOut, WsLines
from mm_venues.audit import warm_book
from mm_venues.feed_counts import FeedCounts, never_proven
from mm_venues.findings import Findings
from mm_venues.frame_error import FrameError
from mm_venues.market_clock import MarketClock
from mm_venues.registry import venue_of

MAX_SPEED = 0.0  # without pauses
_PROGRESS_FRAMES = 1024
_NAP_S = 0.1  # longest wait between two checks for a request to stop

Frame = tuple[int, bytes]
# Called with the status of the session; returns False to stop it.
Progress = Callable[[SessionStatus], bool]


class PaperSession:
    """The nodes of one session and their log; `on_event` is called with every event of it."""

    def __init__(
        self, instrument: e.InstrumentDefined, config: Config, on_event: OnEvent, *, book_top: bool = True
    ) -> None:
        self._book_top = book_top
        core = new_core(config, instrument)
        self.tracker = SessionTracker(instrument, config)
        self._subscriber = on_event
        self.findings = Findings()
        self._feed = venue_of(instrument.instrument_id).new_feed(instrument)
        self._stamper = Stamper(core.period_ns, core.offset_ns)
        self._log = MemoryLog(new_nodes(core, instrument.instrument_id), self._on_event)

    def take(self, recv_ns: int, frame: bytes) -> None:
        """Take the next frame, and all events that follow from it. FrameError if it is a bad one."""
        for event in self._feed.feed(recv_ns, frame):
            if self._book_top or not isinstance(event, e.BookTop):
                self._append(self._stamper.stamp(event))

    def finish(self) -> None:
        """End the data: a last Tick, and with it the close."""
        self._append(self._stamper.finish())

    def counts(self) -> FeedCounts:
        """What the feed has seen."""
        return self._feed.counts()

    def check_feed(self, where: str) -> bool:
        """Note what the feed found wrong by the line `where`; False if it takes nothing more."""
        return self.findings.check(self._feed, where)

    def _append(self, roots: Sequence[e.RootEvent]) -> None:
        for root in roots:
            self._log.append(root)

    def _on_event(self, event: e.Event) -> None:
        self.tracker.take(event)
        self._subscriber(event)


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What a session did. Times in seconds, `wall_s` without start-up; `complete` is false if it was stopped.

    `left_out` counts unusable lines of the recording, by kind. `failures`: lines on why the session is no good
    all the same: where the venue contradicted the book first, or where the instrument changed, which ended it.
    """

    report: Report
    feed: FeedCounts
    market_s: float
    wall_s: float
    complete: bool
    left_out: dict[str, LeftOut] = {}
    failures: list[str] = []

    def summary(self) -> dict[str, Any]:
        """The keys of `paper --json`, but the session's."""
        return {
            "feed": msgspec.structs.asdict(self.feed),
            "left_out": msgspec.to_builtins(self.left_out),
            **self.report.summary(),
            "failures": self.failures,
            "market_s": self.market_s,
            "wall_s": self.wall_s,
            "speed_x": self.market_s / self.wall_s if self.wall_s else 0.0,
            "digests": self.report.digests.texts(),
        }


class Recorded(Result, frozen=True, kw_only=True):
    """What a session in this process did, with all of its record."""

    recording: Recording


def paper(
    lines: WsLines,
    instrument: e.InstrumentDefined,
    config: Config,
    out: Path | None = None,
    *,
    inputs: Sequence[Path] = (),
    speed: float = MAX_SPEED,
    duration_ns: int = 0,
    book_top: bool = True,
    progress: Progress = lambda _status: True,
) -> Recorded:
    """Trade recorded lines on paper, and write a session folder if `out` names one.

    `speed` paces frames by their receive times (1 is real time), `duration_ns` of receive time ends the session (0: the
    end of the data does). Without `book_top` the venue's own tops stay off the log. `inputs` are the files behind the
    lines, for the manifest. InputError for a bad line, lines without market data, a configuration that does not fit the
    instrument, or a folder that cannot be written.
    """
    start_notes(config, instrument)
    if out is not None:
        check_folder(out)
    warm(config, instrument)
    warm_book()
    with nullcontext(_ignore) if out is None else writing_log(out) as write_event:
        session = PaperSession(instrument, config, write_event, book_top=book_top)
        frames = iter(lines)  # held to the end, so that the progress can still read how far they are
        started_ns = perf_counter_ns()
        complete = _take_all(session, lines, frames, speed, duration_ns, progress)
        session.finish()
        progress(session.tracker.status())
        wall_s = (perf_counter_ns() - started_ns) / NS_PER_S
    _check(session, instrument, lines.where, complete)
    result = _result(session, lines, config, wall_s, complete)
    if out is not None:
        about = Session(command="paper", config=config, instrument=instrument, inputs=inputs, complete=complete)
        write_session(out, about, result.recording, result.summary() | {"session": str(out)})
    return result


def _check(session: PaperSession, instrument: e.InstrumentDefined, where: str, complete: bool) -> None:
    """InputError if there was nothing to trade on until `where`; who stops early may stop before a book is proven."""
    if not session.tracker.last_ns:
        raise InputError(f"{where}: no market data of {instrument.instrument_id} until here; expected its frames")
    unproven = never_proven(session.counts(), instrument.venue_symbol)
    if unproven and complete:
        raise InputError(f"{where}: {unproven}")


def _result(session: PaperSession, lines: WsLines, config: Config, wall_s: float, complete: bool) -> Recorded:
    recording = session.tracker.recording()
    report = Report(recording.instrument, config)
    report.take(recording)
    return Recorded(
        failures=session.findings.failures(session.counts()),
        recording=recording,
        report=report,
        feed=session.counts(),
        market_s=(session.tracker.last_ns - session.tracker.first_ns) / NS_PER_S,
        wall_s=wall_s,
        complete=complete,
        left_out=lines.left_out,
    )


def _ignore(_: e.Event) -> None:
    """The log of a session without a folder."""


def _take_all(
    session: PaperSession,
    lines: WsLines,
    frames: Iterable[Frame],
    speed: float,
    duration_ns: int,
    progress: Progress,
) -> bool:
    """Take frames until they or the duration end, or the feed ends them; False if `progress` has stopped them.

    Always between two frames.
    """
    first_ns = 0
    for count, (recv_ns, frame) in enumerate(frames):
        if not first_ns:
            first_ns, clock = recv_ns, MarketClock(recv_ns, speed)
            clock.start(monotonic())
        if duration_ns and recv_ns - first_ns >= duration_ns:
            break
        if not _until_due(clock, recv_ns, lambda: progress(session.tracker.status())):
            return False
        try:
            session.take(recv_ns, frame)
        except FrameError as error:
            lines.refuse(error)
        if not session.check_feed(lines.where):
            break
        if count % _PROGRESS_FRAMES == 0 and not progress(session.tracker.status()):
            return False
    return True


def _until_due(clock: MarketClock, recv_ns: int, may_continue: Callable[[], bool]) -> bool:
    """Wait until a frame is due; False if `may_continue` has ended it."""
    while (wait_s := clock.wait_s(recv_ns, monotonic())) > 0:
        if not may_continue():
            return False
        sleep(min(wait_s, _NAP_S))
    return True
