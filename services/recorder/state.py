"""What a recorder counts of one log, beyond the life of its process."""

import logging
import os
from pathlib import Path

import msgspec

from mm_store.ws_lines import LeftOut
from mm_venues.feed_counts import FeedCounts

log = logging.getLogger(__name__)


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What was taken of one log's market data.

    `first_ns` is the receive time of the first frame, `shift_ns` what puts the clock to the time of a recording that is
    played as if it came now; 0 of both: not yet. `starts` counts processes.
    """

    feed: FeedCounts
    frames: int = 0
    frames_lost: int = 0
    lost: int = 0
    clock_steps: int = 0
    left_out: dict[str, LeftOut] = {}
    failures: list[str] = []
    first_ns: int = 0
    shift_ns: int = 0
    starts: int = 1


def added(before: Seen, now: Seen) -> Seen:
    """What two processes, one after the other, have seen together."""
    left_out = dict(before.left_out)
    for kind, each in now.left_out.items():
        first = left_out.get(kind, each).first
        left_out[kind] = LeftOut(count=each.count + (left_out[kind].count if kind in left_out else 0), first=first)
    return Seen(
        feed=added_counts(before.feed, now.feed),
        frames=before.frames + now.frames,
        frames_lost=before.frames_lost + now.frames_lost,
        lost=before.lost + now.lost,
        clock_steps=before.clock_steps + now.clock_steps,
        left_out=left_out,
        failures=list(dict.fromkeys([*before.failures, *now.failures])),
        first_ns=before.first_ns or now.first_ns,
        shift_ns=before.shift_ns or now.shift_ns,
        starts=before.starts + now.starts,
    )


def added_counts(before: FeedCounts, now: FeedCounts, sign: int = 1) -> FeedCounts:
    """The counts of two feeds together; with `sign` -1, those that `now` had already are taken off again."""
    values: dict[str, int | dict[str, int]] = {}
    for name in FeedCounts.__struct_fields__:
        one, other = getattr(before, name), getattr(now, name)
        if isinstance(one, dict):
            sums = {kind: one.get(kind, 0) + sign * other.get(kind, 0) for kind in {**one, **other}}
            values[name] = {kind: count for kind, count in sums.items() if count}
        else:
            values[name] = one + sign * other
    return msgspec.convert(values, FeedCounts)


class StateFile:
    """A file that is complete whenever a process is killed. A folder that takes nothing costs a warning."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._is_failing = False

    def load(self) -> tuple[Seen | None, str]:
        """What was seen of the log before, or why that is not known."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Seen), ""
        except OSError as error:
            return None, f"{self._path}: {error.strerror}"
        except msgspec.DecodeError as error:
            return None, f"{self._path}: {error}"

    def save(self, seen: Seen) -> None:
        """Put it in the place of what was there. Not synced: a power cut may take it, a kill does not."""
        part = self._path.with_name(f".{self._path.name}.{os.getpid()}.part")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(msgspec.json.encode(seen))
            part.replace(self._path)
        except OSError as error:
            if not self._is_failing:
                log.warning(
                    "%s: cannot be written: %s; a restart would not know the counts", self._path, error.strerror
                )
            self._is_failing = True
        else:
            self._is_failing = False


class Counted:
    """What all processes of one recorder have seen of a log; `before` is what the earlier ones have."""

    def __init__(self, path: Path) -> None:
        self.before: Seen | None = None
        self.not_known = ""  # why it is missing
        self._file = StateFile(path)
        self._is_open = False

    def open(self, root_number: int) -> None:
        """Go on behind the roots of earlier processes; the first root of a log has number 1."""
        self._is_open = True
        if root_number > 1:
            self.before, reason = self._file.load()
            if self.before is None:
                self.not_known = f"the counts before the recorder's restart are not known: {reason}"

    def total(self, now: Seen) -> Seen:
        """Together with what this process has seen."""
        return added(self.before, now) if self.before else now

    def save(self, now: Seen) -> None:
        """Save it for the next process; not before the log is open."""
        if self._is_open:
            self._file.save(self.total(now))
