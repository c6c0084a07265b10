"""Recorded time against ours, of whatever plays a recording. Pure; seconds of a clock that does not step come in."""

from mm_core.types import NS_PER_S


class MarketClock:
    """Begins at `begin_ns` when it is started, and runs `speed` times as fast as ours; 0: as fast as possible."""

    def __init__(self, begin_ns: int, speed: float) -> None:
        self.is_started = False
        self._speed = speed
        self._at_ns = begin_ns  # at `_at_s`, or for good while it stands
        self._at_s = 0.0
        self._runs = False

    def start(self, now_s: float) -> None:
        """Run, from where it stands."""
        self.is_started, self._runs, self._at_s = True, True, now_s

    def stop(self, now_s: float) -> None:
        """Stand still."""
        self._at_ns = self.time_ns(now_s)
        self._runs = False

    def reached(self, at_ns: int) -> None:
        """At full speed, time is that of the frames."""
        if not self._speed:
            self._at_ns = max(self._at_ns, at_ns)

    def wait_s(self, at_ns: int, now_s: float) -> float:
        """How long until it is that time."""
        return (at_ns - self.time_ns(now_s)) / NS_PER_S / self._speed if self._speed else 0.0

    def time_ns(self, now_s: float) -> int:
        """What time it is."""
        passed_s = now_s - self._at_s if self._runs else 0.0
        return self._at_ns + int(passed_s * self._speed * NS_PER_S)
