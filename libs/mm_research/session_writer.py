"""A session's tables, summary and manifest from its log, event by event, in memory that does not grow with it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from mm_core.events import Event, InstrumentDefined
from mm_core.setup.config import Config
from mm_core.types import UnavailableError
from mm_research.recording import Recording
from mm_research.report import Report
from mm_research.session import Session, write_about
from mm_research.session_tracker import SessionTracker
from mm_research.table_writer import TableWriter


class SessionWriter:
    """Takes every event of a log in its order; `finish` ends it, `write` publishes the session's files.

    Without a folder nothing is written, and only the figures are computed. InputError if the folder cannot be written.
    The end of a `with` removes partial tables that `write` has not published: they can be made anew from the log.
    """

    def __init__(self, folder: Path | None, instrument: InstrumentDefined, config: Config) -> None:
        self.report = Report(instrument, config)
        self.tracker = SessionTracker(instrument, config, self._take_segment)
        self.failure = ""  # why there are no tables
        self._folder = folder
        self._tables = None if folder is None else TableWriter(folder)

    def __enter__(self) -> Self:
        """The writer itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove partial tables."""
        self.discard()

    def take(self, event: Event) -> None:
        """Take the next event."""
        self.tracker.take(event)

    def finish(self) -> None:
        """The log has ended."""
        self.tracker.finish()

    def write(self, session: Session, summary: Mapping[str, Any]) -> None:
        """Publish the tables, then summary and manifest; `summary` is what the command prints."""
        if self._folder is None:
            return
        if self._tables is not None:
            self._tables.close()
        write_about(self._folder, session, summary, self.report.more())

    def discard(self) -> None:
        """Remove partial tables of a session that fails: they can be made anew from its log."""
        if self._tables is not None:
            self._tables.discard()

    def _take_segment(self, segment: Recording) -> None:
        known = self.report.take(segment)
        if self._tables is None:
            return
        try:
            self._tables.take(segment, known)
        except UnavailableError as error:  # the figures continue; the tables can be made from the log at any time
            self.failure = f"no tables: {error}; `crypto-mm export` makes them from the log"
            self._tables.discard()
            self._tables = None
