"""What a run did with its time: the book it saw, the state it traded in, what was refused, how much it quoted.

All of it comes from a `Recording`, so that a live session, its replay and the backtest of its tape say the same.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np

from mm_core.exchange.venue import Reject
from mm_core.messages import ACCEPTED, CANCELED, DENIED, EXPIRED, FILLED, REJECTED, TRADING_STATE
from mm_core.risk.reason import Reason
from mm_core.types import NS_PER_S, BookReason, BookState, TradeState
from mm_research.recording import Array, Recording

SIDES = ("bid", "ask")
RISK_REASONS = {reason.value: reason.name.lower() for reason in Reason}
REJECT_REASONS = {reason.value: reason.name.lower() for reason in Reject}
BOOK_REASONS = {reason.value: reason.name.lower() for reason in BookReason if reason}
FILL_RATE = Reason.FILL_RATE.name.lower()
TRADE_STATES = {state.value: state.name for state in TradeState}


class Halt(msgspec.Struct, frozen=True, kw_only=True):
    """One halt. `resumed_ns`: when trading went on; `resumes_ns`: when it will by itself, of one that still holds.

    The latter by the configuration at the start; what a SET changed in between stands in `TradingState.resumes_ns`.
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
    in which at least one order rested, on either side, each, and both.
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


def activity(recording: Recording, rate_halt_ns: int = 0) -> Activity:
    """What a recording holds of it; `rate_halt_ns`: how long a halt by the fill rate lasts, 0 until a command."""
    samples, states = recording.samples, _trading_states(recording.messages)
    last_state = states[-1] if len(states) else None
    is_known = len(samples) > 0
    halted = states["side"] == TradeState.HALTED
    return Activity(
        book_state=BookState(int(samples["state"][-1])).name if is_known else BookState.SYNCING.name,
        book_reason=_book_reason(samples[-1]) if is_known else "",
        valid_share=share(recording, recording.has_mid),
        book_shares=_book_shares(recording),
        trading_state=TRADE_STATES[int(last_state["side"])] if last_state is not None else TradeState.ACTIVE.name,
        trading_reason=_reason(last_state) if last_state is not None and last_state["side"] else "",
        halts=_halts(states, halted, rate_halt_ns),
        halted_share=_covered(recording, *_spans(states, halted)),
        denied=_counts(recording.messages, DENIED, RISK_REASONS),
        rejected=_counts(recording.messages, REJECTED, REJECT_REASONS),
        quoted=_quoted(recording),
    )


def utc_text(time_ns: int) -> str:
    """A time as `2024-08-08 12:00:30Z`."""
    return datetime.fromtimestamp(time_ns // NS_PER_S, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def weights_ns(recording: Recording) -> Array:
    """How long each decision's book stood: until the next one."""
    local_ns: Array = recording.samples["local_ns"]
    return np.append(np.diff(local_ns), 0) if len(local_ns) else local_ns


def share(recording: Recording, chosen: Array) -> float | None:
    """Share of time in which the decisions `chosen` stood; null without time."""
    weights = weights_ns(recording)
    total_ns = int(weights.sum())
    return int(weights[chosen].sum()) / total_ns if total_ns else None


def _trading_states(messages: Array) -> Array:
    states: Array = messages[messages["kind"] == TRADING_STATE]
    return states


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
    """Why a book is worse than its feed; empty where the feed's state says all."""
    return BOOK_REASONS.get(int(sample["reason"]), "")


def _book_shares(recording: Recording) -> dict[str, float]:
    samples = recording.samples
    shares: dict[str, float] = {}
    for number in np.unique(_book_keys(samples)[~recording.has_mid]).tolist():
        name = _book_key_name(number)
        part = share(recording, (_book_keys(samples) == number) & ~recording.has_mid)
        if part:
            shares[name] = part
    return shares


def _book_keys(samples: Array) -> Array:
    """State and reason of each sample in one number."""
    keys: Array = samples["state"] + len(BookState) * samples["reason"]
    return keys


def _book_key_name(key: int) -> str:
    reason, state = divmod(key, len(BookState))
    if state == BookState.VALID:
        return "one side empty"
    return f"{BookState(state).name} ({BOOK_REASONS[reason]})" if reason else BookState(state).name


def _counts(messages: Array, kind: int, names: Mapping[int, str]) -> dict[str, int]:
    reasons, counts = np.unique(messages["reason"][messages["kind"] == kind], return_counts=True)
    return {names[reason]: count for reason, count in zip(reasons.tolist(), counts.tolist(), strict=True)}


def _spans(states: Array, chosen: Array) -> tuple[Array, Array]:
    """Begin and end of the chosen trading states; the last one has no end."""
    ends = np.append(states["ts_ns"][1:], np.iinfo(np.int64).max)[: len(states)]
    return states["ts_ns"][chosen], ends[chosen]


def _quoted(recording: Recording) -> dict[str, float | None]:
    """Share of time with at least one resting order, by the venue's own times."""
    side, begin_ns, end_ns = _rested(recording.messages)
    either = _covered(recording, begin_ns, end_ns)
    bid, ask = (_covered(recording, begin_ns[side == each], end_ns[side == each]) for each in (0, 1))
    both = None if either is None or bid is None or ask is None else max(bid + ask - either, 0.0)
    return {"either": either, "bid": bid, "ask": ask, "both": both}


def _rested(messages: Array) -> tuple[Array, Array, Array]:
    """Side, begin and end at the venue of every order that rested; the end of one that still does is far away."""
    kind = messages["kind"]
    accepted = messages[kind == ACCEPTED]
    is_gone = (kind == CANCELED) | (kind == EXPIRED) | ((kind == FILLED) & (messages["leaves_lots"] == 0))
    gone = messages[is_gone]
    gone = gone[np.argsort(gone["order_id"], kind="stable")]
    at = np.searchsorted(gone["order_id"], accepted["order_id"])
    known = at < len(gone)
    known[known] = gone["order_id"][at[known]] == accepted["order_id"][known]
    end_ns = np.full(len(accepted), np.iinfo(np.int64).max)
    end_ns[known] = gone["ts_ns"][at[known]]
    return accepted["side"], accepted["ts_ns"], end_ns


def _covered(recording: Recording, begin_ns: Array, end_ns: Array) -> float | None:
    """Share of the recording's time that the spans cover together; null without time."""
    times_ns = recording.samples["local_ns"]
    if len(times_ns) < 2 or times_ns[0] == times_ns[-1]:
        return None
    first_ns, last_ns = int(times_ns[0]), int(times_ns[-1])
    order = np.argsort(begin_ns, kind="stable")
    begin_ns, end_ns = (np.clip(each[order], first_ns, last_ns) for each in (begin_ns, end_ns))
    reached_ns = np.maximum.accumulate(np.append(first_ns, end_ns))
    new_ns = np.maximum(reached_ns[1:] - np.maximum(begin_ns, reached_ns[:-1]), 0)
    return int(new_ns.sum()) / (last_ns - first_ns)
