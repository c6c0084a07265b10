"""What time it is for a log whose market is silent."""

import asyncio

from mm_core.types import NS_PER_S


class MarketClock:
    """The clock of the sources: the newest root's local time, and what has passed here since.

    What passes while nobody keeps it, such as between two processes of a sequencer, is made up for by the next root.
    """

    def __init__(self) -> None:
        self._newest_ns = 0
        self._heard_s = 0.0

    @property
    def is_set(self) -> bool:
        """False before the first root."""
        return bool(self._newest_ns)

    def set(self, local_ns: int) -> None:
        """A log ends at this time; it never goes back."""
        if local_ns > self.now_ns():
            self._newest_ns, self._heard_s = local_ns, asyncio.get_running_loop().time()

    def now_ns(self) -> int:
        """The local time now; 0 before the first root."""
        if not self.is_set:
            return 0
        return self._newest_ns + int((asyncio.get_running_loop().time() - self._heard_s) * NS_PER_S)
