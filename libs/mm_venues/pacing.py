"""When to try again. Pure: time and chance come in. Seconds of any clock that does not step."""

from collections import deque
from collections.abc import Callable

_DOUBLINGS_MAX = 30  # enough for any cap, and 2 to the power of it is no large number


class Backoff:
    """Delays that double from `base_s` to `max_s` until `reset`; `random` (0 to 1) takes up to half of each away."""

    def __init__(self, base_s: float, max_s: float, random: Callable[[], float]) -> None:
        self._base_s = base_s
        self._max_s = max_s
        self._random = random
        self._doublings = 0

    def next_s(self) -> float:
        """The next delay."""
        delay_s = min(self._max_s, self._base_s * (1 << self._doublings))
        self._doublings = min(self._doublings + 1, _DOUBLINGS_MAX)
        return delay_s * (1.0 - self._random() / 2)

    def reset(self) -> None:
        """Begin with `base_s` again. Not for a mere success: only after one that lasted."""
        self._doublings = 0


class Budget:
    """At most `count_max` attempts in any `window_s`."""

    def __init__(self, count_max: int, window_s: float) -> None:
        self._window_s = window_s
        self._spent_s: deque[float] = deque(maxlen=count_max)

    def wait_s(self, now_s: float) -> float:
        """How long the next attempt has to wait."""
        if len(self._spent_s) < (self._spent_s.maxlen or 0):
            return 0.0
        return max(0.0, self._spent_s[0] + self._window_s - now_s)

    def spend(self, now_s: float) -> None:
        """Note an attempt."""
        self._spent_s.append(now_s)


class WeightBudget:
    """At most `weight_max` of request weight in any `window_s`; what is heavier alone waits for an idle window."""

    def __init__(self, weight_max: int, window_s: float) -> None:
        self._weight_max = weight_max
        self._window_s = window_s
        self._spent: deque[tuple[float, int]] = deque()
        self._weight = 0

    def wait_s(self, weight: int, now_s: float) -> float:
        """How long a request of this weight has to wait."""
        while self._spent and self._spent[0][0] + self._window_s <= now_s:
            self._weight -= self._spent.popleft()[1]
        too_much, wait_s = self._weight + weight - self._weight_max, 0.0
        for spent_s, spent in self._spent:
            if too_much <= 0:
                break
            too_much -= spent
            wait_s = spent_s + self._window_s - now_s
        return wait_s

    def spend(self, weight: int, now_s: float) -> None:
        """Note a request."""
        self._spent.append((now_s, weight))
        self._weight += weight
