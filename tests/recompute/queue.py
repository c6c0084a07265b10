"""The position of an order in the queue of its level: lots ahead, moved by depth and by prints."""

import math
from collections.abc import Callable

Share = Callable[[float, float], float]  # (ahead, behind) -> part of what was cancelled that stood behind


def share_of(text: str, lot: float) -> Share | None:
    """The model of a configuration's text, such as `power_prob:3`; None is risk-averse. Logarithms take base units."""
    name, _, power = text.partition(":")
    if name == "risk_averse":
        return None
    if name.startswith("power_prob"):
        n = float(power)
        f = (lambda x: x * x * x) if n == 3.0 else lambda x: x**n
        form = name.removeprefix("power_prob")
    else:
        f = lambda x: math.log(1.0 + x * lot)  # noqa: E731  the formula is the documentation
        form = name.removeprefix("log_prob")
    return _share(f, form)


def _share(f: Callable[[float], float], form: str) -> Share:
    def first(ahead: float, behind: float) -> float:
        return _part(f(behind), f(behind) + f(ahead))

    def second(ahead: float, behind: float) -> float:
        return _part(f(behind), f(behind + ahead))

    def third(ahead: float, behind: float) -> float:
        return _part(f(ahead + behind) - f(ahead), f(ahead + behind))

    return {"": first, "_2": second, "_3": third}[form]


def _part(above: float, below: float) -> float:
    return above / below if below else 1.0


class Place:
    """Of one order: lots ahead, lots displayed by the last depth event, and traded at the price since."""

    def __init__(self, share: Share | None, shown_lots: int) -> None:
        self._share = share
        self._shown_lots = shown_lots
        self._traded_lots = 0
        self.ahead = float(shown_lots)

    def depth(self, lots: int) -> None:
        """A depth event names the level: what went and was not traded was cancelled, ahead or behind."""
        cancelled = float(self._shown_lots - lots - self._traded_lots)
        shown, self._shown_lots = self._shown_lots, lots
        if self._share is not None:
            self._traded_lots = 0
            if cancelled >= 0:
                self.ahead = self._after(cancelled, shown)
        self.ahead = min(self.ahead, float(lots))

    def _after(self, cancelled: float, shown: int) -> float:
        """Lots ahead once `cancelled` are out; more than lay behind us cannot have been there."""
        assert self._share is not None
        behind = float(shown) - self.ahead
        try:
            part = self._share(self.ahead, behind)
        except (ValueError, OverflowError):
            part = 1.0  # no real number
        if isinstance(part, complex) or math.isnan(part):
            part = 1.0
        return self.ahead - (1.0 - part) * cancelled + min(behind - part * cancelled, 0.0)

    def trade(self, lots: int) -> None:
        """Lots traded at the price."""
        self.ahead -= lots
        self._traded_lots += lots

    def reached_lots(self) -> int:
        """Whole lots that trades took beyond what was ahead."""
        return math.floor(0.5 - self.ahead) if self.ahead <= -0.5 else 0
