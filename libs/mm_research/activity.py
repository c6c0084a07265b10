"""What a run did with its time: the book it saw, the state it traded in, what was refused, how much it quoted.

All of it comes from a `Recording`, so that a live session, its replay and the backtest of its tape report the same.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np

from mm_core.events.records import MESSAGE
from mm_core.exchange.venue import Reject
from mm_core.messages import DENIED, REJECTED, TRADING_STATE
from mm_core.risk.reason import Reason
from mm_core.types import NS_PER_S, BookReason, BookState, TradeState
from mm_research.engine.state import SAMPLE
from mm_research.exact import group_sums
from mm_research.recording import Array, Recording, has_mid_of
from mm_research.resting import RestingTime, covered_ns

SIDES = ("bid", "ask")
RISK_REASONS = {reason.value: reason.name.lower() for reason in Reason}
REJECT_REASONS = {reason.value: reason.name.lower() for reason in Reject}
BOOK_REASONS = {reason.value: reason.name.lower() for reason in BookReason if reason}
FILL_RATE = Reason.FILL_RATE.name.lower()
TRADE_STATES = {state.value: state.name for state in TradeState}


class Halt(msgspec.Struct, frozen=True, kw_only=True):
    """One halt. `resumed_ns`: when trading went on; `resumes_ns`: when it will by itself, of one that still holds.

    The latter by the configuration at the start; what a SET changed in between is in `TradingState.resumes_ns`.
    """

    time_ns: int
    reason: str
    resumed_ns: int | None = None
    resumes_ns: int | None = None

    def to_json(self) -> dict[str, str | None]:
        """Its entry in a summary."""
        times = {"time": self.time_ns, "resumed": self.resumed_ns, "resumes": self.resumes_ns}
        return {"reason": self.reason} | {name: None if at is None else utc_text(at) for name, at in times.items()}


class Activity(msgspec.Struct, frozen=True, kw_only=True):
    """Shares are of the time between the first and the last decision; null without any.

    `book_shares`: of each state, with its reason, of a book that was not VALID with both sides. `quoted`: share of time
    in which at least one order rested, on either side, each, and both. `warm_ns`: when the book's volatility was known
    first, None if never; `cold_share`: of it not known though the book was VALID, `cold_again_share`: after it was.
    """

    book_state: str
    book_reason: str
    valid_share: float | None
    book_shares: dict[str, float]
    trading_state: str
    trading_reason: str
    halts: list[Halt]
    halted_share: float | None
    denied: dict[str, int]
    rejected: dict[str, int]
    quoted: dict[str, float | None]
    warm_ns: int | None
    cold_share: float | None
    cold_again_share: float | None

    def to_json(self) -> dict[str, Any]:
        """Keys of a summary."""
        return {
            "book": {
                "state": self.book_state,
                "valid_share": self.valid_share,
                "reason": self.book_reason,
                "not_valid": self.book_shares,
            },
            "trading": {
                "state": self.trading_state,
                "reason": self.trading_reason,
                "halted_share": self.halted_share,
                "halts": [halt.to_json() for halt in self.halts],
            },
            "denied": self.denied,
            "rejected": self.rejected,
            "quoted_share": self.quoted,
        }


class ActivityCount:
    """Takes the segments of a run; `rate_halt_ns`: how long a halt by the fill rate lasts, 0 until a command."""

    def __init__(self, rate_halt_ns: int = 0) -> None:
        self._cold = ColdTime()
        self._rate_halt_ns = rate_halt_ns
        self._times = _Times()
        self._resting = RestingTime()
        self._states = np.empty(0, MESSAGE)  # changes of the trading state
        self._denied: Counter[int] = Counter()
        self._rejected: Counter[int] = Counter()

    def take(self, segment: Recording) -> None:
        """Take the next segment."""
        messages = segment.messages
        self._states = np.concatenate([self._states, messages[messages["kind"] == TRADING_STATE]])
        self._denied.update(messages["reason"][messages["kind"] == DENIED].tolist())
        self._rejected.update(messages["reason"][messages["kind"] == REJECTED].tolist())
        self._resting.take(segment)
        self._cold.take(*self._times.take(segment))

    def valid_share(self) -> float | None:
        """Share of the time with a VALID book of both sides."""
        return self._times.share(self._times.valid_ns)

    def found(self) -> Activity:
        """What the segments so far hold."""
        states, times = self._states, self._times
        last_state, sample = states[-1] if len(states) else None, times.last[0] if len(times.last) else None
        halted = states["state"] == TradeState.HALTED
        return Activity(
            book_state=BookState(int(sample["state"])).name if sample is not None else BookState.SYNCING.name,
            book_reason=_book_reason(sample) if sample is not None else "",
            valid_share=self.valid_share(),
            book_shares=times.book_shares(),
            trading_state=TRADE_STATES[int(last_state["state"])] if last_state is not None else TradeState.ACTIVE.name,
            trading_reason=_reason(last_state) if last_state is not None and last_state["state"] else "",
            halts=_halts(states, halted, self._rate_halt_ns),
            halted_share=times.share(covered_ns(*_spans(states, halted), times.first_ns, times.last_ns)),
            denied=_named(self._denied, RISK_REASONS),
            rejected=_named(self._rejected, REJECT_REASONS),
            quoted=self._resting.shares(),
            warm_ns=self._cold.warm_ns(times.last),
            cold_share=times.share(self._cold.cold_ns),
            cold_again_share=times.share(self._cold.cold_again_ns),
        )


def activity(recording: Recording, rate_halt_ns: int = 0) -> Activity:
    """What a recording in one piece holds of it."""
    count = ActivityCount(rate_halt_ns)
    count.take(recording)
    return count.found()


def utc_text(time_ns: int) -> str:
    """A time as `2024-08-08 12:00:30Z`."""
    return datetime.fromtimestamp(time_ns // NS_PER_S, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


class _Times:
    """How long each book stood: from its decision to the next one."""

    def __init__(self) -> None:
        self.first_ns = self.last_ns = self.total_ns = self.valid_ns = 0
        self.last = np.empty(0, SAMPLE)  # the sample whose time is not known yet
        self._not_valid_ns: Counter[int] = Counter()  # by `_book_keys`

    def take(self, segment: Recording) -> tuple[Array, Array, Array]:
        """Take the next segment; the samples whose time is now known, that time, and whether they had a mid."""
        samples = np.concatenate([self.last, segment.samples])
        if not len(samples):
            return samples, np.empty(0, np.int64), np.empty(0, np.bool_)
        self.first_ns = self.first_ns if len(self.last) else int(samples["local_ns"][0])
        self.last, self.last_ns = samples[-1:].copy(), int(samples["local_ns"][-1])
        weights_ns, samples = np.diff(samples["local_ns"]), samples[:-1]
        has_mid = has_mid_of(samples)
        self.total_ns += int(weights_ns.sum())
        self.valid_ns += int(weights_ns[has_mid].sum())
        keys, at = np.unique(_book_keys(samples)[~has_mid], return_inverse=True)
        for key, part_ns in zip(keys.tolist(), group_sums(weights_ns[~has_mid], at, len(keys)).tolist(), strict=True):
            self._not_valid_ns[key] += part_ns
        return samples, weights_ns, has_mid

    def share(self, part_ns: int) -> float | None:
        """Share of the time; null without any."""
        return part_ns / self.total_ns if self.total_ns else None

    def book_shares(self) -> dict[str, float]:
        """Of each state, with its reason, of a book that was not VALID with both sides."""
        found = ((key, self.share(part_ns)) for key, part_ns in sorted(self._not_valid_ns.items()))
        return {_book_key_name(key): part for key, part in found if part}


class ColdTime:
    """How long the volatility was not known though the book was VALID: in all, and after it was known first."""

    def __init__(self) -> None:
        self.cold_ns = self.cold_again_ns = 0
        self._warm_ns: int | None = None

    def take(self, samples: Array, weights_ns: Array, has_mid: Array) -> None:
        """Take samples and how long they stood."""
        cold = np.isnan(samples["volatility_ticks_sqrt_s"])
        cold_ns = np.where(cold & has_mid, weights_ns, 0)
        self.cold_ns += int(cold_ns.sum())
        if self._warm_ns is not None:
            self.cold_again_ns += int(cold_ns.sum())
        elif not cold.all():
            self._warm_ns = self.warm_ns(samples)
            self.cold_again_ns += int(cold_ns[np.argmin(cold) :].sum())

    def warm_ns(self, last: Array) -> int | None:
        """When it was known first, if not before then in these last samples."""
        warm = last["local_ns"][~np.isnan(last["volatility_ticks_sqrt_s"])]
        return self._warm_ns if self._warm_ns is not None or not len(warm) else int(warm[0])


def _halts(states: Array, halted: Array, rate_halt_ns: int) -> list[Halt]:
    """Every halt with its end: the next state that is none."""
    halts = []
    active = np.flatnonzero(~halted)
    for at in np.flatnonzero(halted).tolist():
        time_ns, reason = int(states["ts_ns"][at]), _reason(states[at])
        later = active[active > at]
        cools = at == len(states) - 1 and reason == FILL_RATE and rate_halt_ns > 0
        halts.append(
            Halt(
                time_ns=time_ns,
                reason=reason,
                resumed_ns=int(states["ts_ns"][later[0]]) if len(later) else None,
                resumes_ns=time_ns + rate_halt_ns if cools else None,
            )
        )
    return halts


def _reason(state: Any) -> str:
    return RISK_REASONS[int(state["reason"])]


def _book_reason(sample: Any) -> str:
    """Why a book is worse than its feed; empty where it is the feed's own state."""
    return BOOK_REASONS.get(int(sample["reason"]), "")


def _book_keys(samples: Array) -> Array:
    """State and reason of each sample in one number."""
    keys: Array = samples["state"] + len(BookState) * samples["reason"]
    return keys


def _book_key_name(key: int) -> str:
    reason, state = divmod(key, len(BookState))
    if state == BookState.VALID:
        return "one side empty"
    return f"{BookState(state).name} ({BOOK_REASONS[reason]})" if reason else BookState(state).name


def _named(counts: Mapping[int, int], names: Mapping[int, str]) -> dict[str, int]:
    return {names[reason]: count for reason, count in sorted(counts.items())}


def _spans(states: Array, chosen: Array) -> tuple[Array, Array]:
    """Begin and end of the chosen trading states; the last one has no end."""
    ends = np.append(states["ts_ns"][1:], np.iinfo(np.int64).max)[: len(states)]
    return states["ts_ns"][chosen], ends[chosen]
