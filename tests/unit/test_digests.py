"""Digests: of rows in the log's order, equal to those of rows in which each intent stood before its answer."""

from hashlib import sha256
from typing import Any

import numpy as np
import pytest

from mm_core.events.records import MESSAGE, OrderKind
from mm_core.types import TimeInForce
from mm_research.digests import Digests
from mm_research.engine.state import SAMPLE

K = OrderKind
# What a decision leaves in the log, and in which order the digest takes it: (kind, order id, time).
ORDERS: dict[str, tuple[list[tuple[K, int, int]], list[int]]] = {
    "two intents and their answers": (
        [(K.INTENT, 1, 5), (K.INTENT, 2, 5), (K.SUBMIT, 1, 5), (K.DENIED, 2, 5)], [0, 2, 1, 3],
    ),
    "a cancel that needs no answer": (
        [(K.CANCEL_INTENT, 1, 5), (K.INTENT, 2, 5), (K.SUBMIT, 2, 5)], [0, 1, 2],
    ),
    "a halt with its cancels comes first": (
        [(K.CANCEL_INTENT, 1, 5), (K.INTENT, 3, 5), (K.TRADING_STATE, 0, 5), (K.CANCEL, 1, 5), (K.CANCEL, 2, 5),
         (K.DENIED, 3, 5)], [2, 3, 4, 0, 1, 5],
    ),
    "two decisions stay two": (
        [(K.INTENT, 1, 5), (K.SUBMIT, 1, 5), (K.INTENT, 2, 5), (K.SUBMIT, 2, 5)], [0, 1, 2, 3],
    ),
    "a decision that only halts, behind one without an answer": (
        [(K.CANCEL_INTENT, 1, 5), (K.TRADING_STATE, 0, 6), (K.CANCEL, 2, 6)], [0, 1, 2],
    ),
    "an answer of the venue between": (
        [(K.INTENT, 1, 5), (K.SUBMIT, 1, 5), (K.ACCEPTED, 1, 6), (K.CANCEL_INTENT, 1, 7), (K.INTENT, 2, 7),
         (K.CANCEL, 1, 7), (K.SUBMIT, 2, 7)], [0, 1, 2, 3, 5, 4, 6],
    ),
    "nothing": ([], []),
}  # fmt: skip


def digest(messages: Any) -> str:
    digests = Digests()
    digests.take(messages, np.zeros(0, SAMPLE))
    return digests.texts()["orders"]


def rows(listed: list[tuple[K, int, int]]) -> Any:
    messages = np.zeros(len(listed), MESSAGE)
    for name, values in zip(("kind", "order_id", "ts_ns"), zip(*listed, strict=True), strict=False):
        messages[name] = values
    return messages


@pytest.mark.parametrize("name", ORDERS)
def test_the_digest_takes_each_intent_with_its_answer(name: str) -> None:
    listed, expected = ORDERS[name]
    columns = np.zeros((len(listed), 12), "<i8")
    for at, (kind, order_id, ts_ns) in enumerate(listed[place] for place in expected):
        flag = 1 if kind == K.CANCEL_INTENT else 0
        columns[at] = (ts_ns, 0, order_id, 0, 0, 0, 0, kind, 0, 0, flag, 0)
    assert digest(rows(listed)) == sha256(columns.tobytes()).hexdigest()


def test_every_field_of_an_order_event_counts() -> None:
    one = rows([(K.SUBMIT, 1, 5)])
    one["time_in_force"] = TimeInForce.GTX
    for name in MESSAGE.names or ():
        changed = one.copy()
        changed[name] += 1
        assert digest(changed) != digest(one), name
