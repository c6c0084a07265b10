"""How a running session is seen by whoever runs it."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import msgspec

from mm_research.session_tracker import SessionStatus


class SessionView(msgspec.Struct, frozen=True, kw_only=True):
    """What is shown: where the session stands, the last sequence of its log, its services, market s a second.

    `restarts` are those of services so far, `waiting` the ones that do not run now.
    """

    standing: SessionStatus
    log_seq: int
    restarts: dict[str, int]
    speed_x: float
    waiting: list[str] = []


# Shows views under a title while a block runs; prints a line.
Console = Callable[[str], AbstractContextManager[Callable[[SessionView], None]]]
Notify = Callable[[str], None]
