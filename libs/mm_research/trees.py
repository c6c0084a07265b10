"""Where the outputs logged for a root are not those of its nodes: counted by node, the first one described.

Compared are bytes, as `mm_wire` encodes both: 0.0 is not -0.0, and one NaN is another.
"""

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any

import msgspec

from mm_core.events import AnyEvent, Event
from mm_wire.codec import encode
from mm_wire.subjects import SEQUENCER, published_by

Tree = list[AnyEvent]
Short = dict[str, Any]
Placed = tuple[int, Event]  # position in the log, from 1

_LEVELS_SHOWN = 3
_OTHER_ORDER = "outputs in another order"
_WHY = {  # is what was found one too many, is what was expected not there
    (False, False): "another output",
    (True, False): "an output that the node does not produce",
    (False, True): "an output is missing",
    (True, True): _OTHER_ORDER,
}
_NAMING = ("order_id", "root_seq", "update_id", "trade_id", "local_ns")


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A place where a log is not what it should be.

    `seq`: position in the log, from 1; `node`: whose difference it is; `expected` and `found`: what should be there
    and what is, null for nothing. Of two events of one type only what names them and what differs.
    """

    seq: int
    node: str
    why: str
    expected: Short | None
    found: Short | None


def difference(seq: int, node: str, why: str, expected: Event | None, found: Event | None) -> Difference:
    """A difference, its events shortened."""
    return Difference(seq=seq, node=node, why=why, expected=_short(expected, found), found=_short(found, expected))


def compare(outputs: Sequence[Event], logged: Sequence[Placed], end: int) -> tuple[dict[str, int], Difference | None]:
    """How many outputs of each node differ, and the first difference: none of both where all bytes are equal.

    `outputs` and `logged` are those of one root in their order; `end` is the position behind the last logged one.
    An output that is missing, one too many and one that differs count as one each.
    """
    expected, found = [encode(event) for event in outputs], [encode(event) for _, event in logged]
    if expected == found:
        return {}, None
    publishers = [published_by(type(event)) for event in outputs], [published_by(type(event)) for _, event in logged]
    counts: dict[str, int] = {}
    for node in dict.fromkeys(publishers[0] + publishers[1]):
        ours = [data for data, publisher in zip(expected, publishers[0], strict=True) if publisher == node]
        theirs = [data for data, publisher in zip(found, publishers[1], strict=True) if publisher == node]
        if ours != theirs:
            counts[node] = _edits(ours, theirs)
    at = next((k for k, (one, other) in enumerate(zip(expected, found, strict=False)) if one != other), None)
    if at is None:
        at = min(len(expected), len(found))
    ours_at = outputs[at] if at < len(outputs) else None
    seq, theirs_at = logged[at] if at < len(logged) else (end, None)
    is_extra = ours_at is None or expected[at] in found[at:]
    is_missing = theirs_at is None or found[at] in expected[at:]
    here = [published_by(type(event)) for event in (ours_at, theirs_at) if event is not None]
    node = next((name for name in (reversed(here) if is_extra else here) if name in counts), SEQUENCER)
    if node == SEQUENCER:  # the first ones only changed places; what differs comes behind them
        return counts | {node: 1}, difference(seq, node, _OTHER_ORDER, ours_at, theirs_at)
    return counts, difference(seq, node, _WHY[is_extra, is_missing], ours_at, theirs_at)


def _edits(ours: list[bytes], theirs: list[bytes]) -> int:
    """How many elements must be changed, removed or added to make one list of the other."""
    steps = SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes()
    return sum(max(i2 - i1, j2 - j1) for kind, i1, i2, j1, j2 in steps if kind != "equal")


def _short(event: Event | None, other: Event | None) -> Short | None:
    if event is None:
        return None
    fields = msgspec.structs.asdict(event)
    if type(event) is type(other):
        fields = {
            name: value
            for name, value in fields.items()
            if name in _NAMING or _text(value) != _text(getattr(other, name))
        }
    return {"type": type(event).__name__} | {name: _shown(value) for name, value in fields.items()}


def _text(value: Any) -> bytes:
    return msgspec.msgpack.encode(value)


def _shown(value: Any) -> Any:
    """Plain values; of a long tuple its beginning."""
    if isinstance(value, tuple) and len(value) > _LEVELS_SHOWN:
        return [*value[:_LEVELS_SHOWN], f"and {len(value) - _LEVELS_SHOWN} more"]
    return msgspec.to_builtins(value)
