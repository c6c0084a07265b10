"""Work on something outside that may be away: tried again with back-off, counted, and shown as failing meanwhile."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

log = logging.getLogger(__name__)

RETRY_S = 0.5
RETRY_S_MAX = 10.0
T = TypeVar("T")


class Retry:
    """Tries work again that raises `error`. `failures` counts the tries that failed; `is_failing`: the last one did."""

    def __init__(self, error: type[Exception]) -> None:
        self.failures = 0
        self.is_failing = False
        self._error = error

    async def until_done(self, work: Callable[[], Awaitable[T]]) -> T:
        """What the work gives; the pause between two tries doubles up to RETRY_S_MAX."""
        wait_s = RETRY_S
        while True:
            try:
                done = await work()
            except self._error as error:
                self.failures += 1
                self.is_failing = True
                log.warning("%s: again in %.1f s", error, wait_s)
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, RETRY_S_MAX)
            else:
                self.is_failing = False
                return done
