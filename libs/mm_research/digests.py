"""Digests of a run's rows, in a layout and an order of their own: they stay equal when those of the records change."""

import hashlib
from typing import Any

import numpy as np

from mm_core.messages import CANCEL, CANCEL_INTENT, DENIED, FILLED, INTENT, SUBMIT, TRADING_STATE

Array = np.ndarray[Any, np.dtype[Any]]

POSITION_FIELDS = ("local_ns", "position_lots", "cash_half", "fees_e9")
_SAME = ("ts_ns", "order_id", "price_ticks", "qty_lots", "fee_e9", "kind", "reason")
_ROW = np.dtype(
    [
        (name, "<i8")
        for name in (
            *("ts_ns", "due_ns", "order_id", "price_ticks", "qty_lots", "leaves_lots", "fee_e9", "kind", "side"),
            *("reason", "flag", "mid_half"),
        )
    ]
)


class Digests:
    """SHA-256 of the messages but the fills, of the fills, and of POSITION_FIELDS of the samples, over all segments.

    A segment ends where a decision does.
    """

    def __init__(self) -> None:
        self._sums = {name: hashlib.sha256() for name in ("orders", "fills", "positions")}

    def take(self, messages: Array, samples: Array) -> None:
        """Take the next segment."""
        rows = _rows(messages[_by_intent(messages)])
        positions = np.column_stack([samples[name] for name in POSITION_FIELDS])
        self._sums["orders"].update(rows[rows["kind"] != FILLED].tobytes())
        self._sums["fills"].update(rows[rows["kind"] == FILLED].tobytes())
        self._sums["positions"].update(positions.astype("<i8").tobytes())

    def texts(self) -> dict[str, str]:
        """The digests of what was taken."""
        return {name: sha.hexdigest() for name, sha in self._sums.items()}


def _rows(messages: Array) -> Array:
    """Values that are never there together share a column; an intent counts no lots as left."""
    kind = messages["kind"]
    rows = np.empty(len(messages), _ROW)
    for name in _SAME:
        rows[name] = messages[name]
    rows["due_ns"], rows["mid_half"] = messages["local_ns"], messages["mid_half_ticks"]
    rows["leaves_lots"] = np.where((kind == INTENT) | (kind == CANCEL_INTENT), 0, messages["leaves_lots"])
    rows["side"] = messages["side"] + messages["state"]
    rows["flag"] = messages["time_in_force"] + messages["maker"] + (kind == CANCEL_INTENT)
    return rows


def _by_intent(messages: Array) -> Array:
    """Places of messages: in a decision first what risk does on its own, then each intent with its answer.

    In the log all intents of a decision come first, then a change of the state with its cancels, then the answers.
    """
    kind, order_id = messages["kind"], messages["order_id"]
    at = np.arange(len(messages))
    is_intent, is_state = (kind == INTENT) | (kind == CANCEL_INTENT), kind == TRADING_STATE
    is_answer = (kind == SUBMIT) | (kind == CANCEL) | (kind == DENIED)
    # A decision begins with an intent or a state behind anything but an intent of its time.
    behind_intent = np.zeros(len(at), np.bool_)
    behind_intent[1:] = is_intent[:-1] & (messages["ts_ns"][1:] == messages["ts_ns"][:-1])
    begins = (is_intent | is_state) & ~behind_intent
    begin = np.maximum.accumulate(np.where(begins | ~(is_intent | is_state | is_answer), at, 0))
    # Cancels behind a change of the state are that change's.
    last_other = np.maximum.accumulate(np.where(kind != CANCEL, at, -1))
    is_own = is_state | ((kind == CANCEL) & (last_other >= 0) & is_state[last_other])
    by_order = np.lexsort((at, order_id))
    last_intent = np.full(len(at), -1)
    last_intent[by_order] = np.maximum.accumulate(np.where(is_intent[by_order], np.arange(len(at)), -1))
    intent_at = by_order[last_intent]
    place = np.where(is_own, begin, np.where(is_answer & (last_intent >= 0), intent_at, at))
    return np.lexsort((at, ~is_own, place))
