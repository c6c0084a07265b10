"""What the venue asks of a connection and of an address. Pure; seconds of a clock that does not step come in."""

import msgspec

from mm_venues.pacing import Budget

CLOSE_POLICY = 1008
CLOSE_GOING_AWAY = 1001


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The venue's own figures (README.md of mm_venues.binance); a test takes shorter ones."""

    ping_s: float = 20.0
    pong_s_max: float = 60.0
    life_s_max: float = 86_400.0
    messages_max: int = 5  # of a client, in a second
    streams_max: int = 1024  # of a connection
    connects_max: int = 300  # of an address, in five minutes
    weight_max: int = 6_000  # of an address, in a minute


class Keepalive:
    """The pings of one connection and the pongs that came back."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._unanswered: dict[bytes, float] = {}

    def pinged(self, payload: bytes, now_s: float) -> None:
        """A ping was sent."""
        self._unanswered.setdefault(payload, now_s)

    def ponged(self, payload: bytes) -> bool:
        """A pong came; False if it answers no ping: then it proves nothing."""
        if payload not in self._unanswered:
            return False
        for each in list(self._unanswered):  # it answers what was sent before, too
            del self._unanswered[each]
            if each == payload:
                break
        return True

    def is_answered(self, payload: bytes) -> bool:
        """Whether that ping needs no pong any more."""
        return payload not in self._unanswered

    def is_dead(self, now_s: float) -> bool:
        """True when a ping has waited too long."""
        return any(now_s - sent_s > self._limits.pong_s_max for sent_s in self._unanswered.values())


class Talk:
    """How much a client sends: messages in a second."""

    def __init__(self, limits: Limits) -> None:
        self._budget = Budget(limits.messages_max, 1.0)

    def is_too_much(self, now_s: float) -> bool:
        """Note a message; True if it is one too many."""
        if self._budget.wait_s(now_s) > 0:
            return True
        self._budget.spend(now_s)
        return False


class Address:
    """What one client's address has used: connections, and request weight in the minute of the calendar."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._connects = Budget(limits.connects_max, 300.0)
        self._minute = 0
        self.weight = 0

    def connect_wait_s(self, now_s: float) -> float:
        """Note an attempt to connect; how long to wait if it is one too many."""
        wait_s = self._connects.wait_s(now_s)
        if not wait_s:
            self._connects.spend(now_s)
        return wait_s

    def spend(self, weight: int, wall_s: float) -> float:
        """Note a request; how long to wait if the minute's weight is used up."""
        minute = int(wall_s // 60)
        if minute != self._minute:
            self._minute, self.weight = minute, 0
        self.weight += weight
        return 60.0 - wall_s % 60.0 if self.weight > self._limits.weight_max else 0.0
