"""Which alternative is taken wherever there are several: a schedule is the places where it is not the first one.

The first alternative is what happens on an idle machine: what was sent first arrives first, and nothing goes wrong.
A schedule is written as a token, `<scenario>:<place>=<alternative>,..`, which replays it exactly.
"""

import random
from collections.abc import Callable
from typing import NamedTuple

ORDER, TIME = "order", "time"  # another message first, a timer first; every other kind is a fault


class Option(NamedTuple):
    """One alternative: its kind, what it does as text, and the act."""

    kind: str
    text: str
    act: Callable[[], None]


class Schedule:
    """Takes the given alternatives at the given places, the first one everywhere else.

    `counts`: the number of alternatives at each place, if requested.
    """

    def __init__(self, deviations: dict[int, int] | None = None, *, counts: bool = False) -> None:
        self.deviations = dict(deviations or {})
        self.places = 0
        self.counts: list[int] | None = [] if counts else None

    def choose(self, options: Callable[[], list[Option]]) -> Option | None:
        """The alternative to take here, None for the first one."""
        place, self.places = self.places, self.places + 1
        chosen = self.deviations.get(place, 0)
        if not chosen and self.counts is None:
            return None
        found = options()
        if self.counts is not None:
            self.counts.append(len(found) + 1)
        return found[chosen - 1] if 0 < chosen <= len(found) else None


class RandomSchedule(Schedule):
    """Deviates by chance, as seldom or as often as its seed sets: some schedules are nearly quiet, some are storms."""

    def __init__(self, seed: str, faults_max: int) -> None:
        super().__init__()
        self._random = random.Random(seed)  # noqa: S311  # a schedule is no secret
        self._order = self._random.choice((0.0, 0.02, 0.1, 0.3))
        self._time = self._random.choice((0.0, 0.005, 0.02))
        self._fault = self._random.choice((0.0, 0.01, 0.03, 0.08))
        self._faults_left = self._random.randint(1, faults_max) if faults_max else 0
        self._times_left = 12

    def choose(self, options: Callable[[], list[Option]]) -> Option | None:
        """The alternative to take here, None for the first one."""
        place, self.places = self.places, self.places + 1
        kind = self._kind(self._random.random())
        if not kind:
            return None
        found = options()
        of_kind = [number for number, option in enumerate(found, 1) if _group(option.kind) == kind]
        if not of_kind:
            return None
        if kind == "fault":  # each kind as often as another, however many alternatives it has here
            kinds = list(dict.fromkeys(found[number - 1].kind for number in of_kind))
            chosen = self._random.choice(kinds)
            of_kind = [number for number in of_kind if found[number - 1].kind == chosen]
            self._faults_left -= 1
        self._times_left -= kind == TIME
        self.deviations[place] = number = self._random.choice(of_kind)
        return found[number - 1]

    def _kind(self, drawn: float) -> str:
        if drawn < self._fault:
            return "fault" if self._faults_left else ""
        if drawn < self._fault + self._time:
            return TIME if self._times_left else ""
        return ORDER if drawn < self._fault + self._time + self._order else ""


def _group(kind: str) -> str:
    return kind if kind in {ORDER, TIME} else "fault"


def to_token(scenario: str, deviations: dict[int, int]) -> str:
    """A schedule as one token."""
    return f"{scenario}:" + ",".join(f"{place}={number}" for place, number in sorted(deviations.items()))


def of_token(token: str) -> tuple[str, dict[int, int]]:
    """Scenario and deviations of a token. ValueError if it is none."""
    scenario, colon, rest = token.partition(":")
    if not colon:
        raise ValueError(f"token {token!r}: expected <scenario>:<place>=<alternative>,..")
    pairs = [pair.split("=") for pair in rest.split(",") if pair]
    return scenario, {int(place): int(number) for place, number in pairs}
