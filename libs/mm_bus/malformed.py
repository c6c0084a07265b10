"""Messages that cannot be read: who sent them is mistaken, and no service ends for it."""

import logging
from collections.abc import Callable
from time import monotonic
from typing import TypeVar

import msgspec

log = logging.getLogger(__name__)

QUIET_S = 60.0
SHOWN_BYTES = 60
T = TypeVar("T")


class MalformedError(ValueError):
    """A message is not what its subject carries."""


def read(decode: Callable[[bytes], T], data: bytes) -> T:
    """What a decoder makes of a message. MalformedError if it is none of its own."""
    try:
        return decode(data)
    except RecursionError as error:
        raise MalformedError("nested too deeply") from error
    except (msgspec.DecodeError, ValueError) as error:
        raise MalformedError(str(error)) from error


class Malformed:
    """Counts such messages; at most one a minute is logged."""

    def __init__(self, clock_s: Callable[[], float] = monotonic) -> None:
        self.count = 0
        self._clock_s = clock_s
        self._quiet_s = clock_s()
        self._not_logged = 0

    def note(self, subject: str, data: bytes, reason: object) -> None:
        """One message came."""
        self.count += 1
        if self._clock_s() < self._quiet_s:
            self._not_logged += 1
            return
        more = f" (and {self._not_logged} since the last line)" if self._not_logged else ""
        shown = data[:SHOWN_BYTES]
        log.error("%s: a message of %d bytes is refused: %s: %r%s", subject, len(data), reason, shown, more)
        self._quiet_s, self._not_logged = self._clock_s() + QUIET_S, 0
