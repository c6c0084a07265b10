"""What a node's status says besides how far it is: the book, the state of trading, what rests, what was refused."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from mm_core import events as e
from mm_core.exchange.venue import Reject
from mm_core.node import Node
from mm_core.quoting.state import CANCELING, LIVE
from mm_core.risk.reason import Reason
from mm_core.types import BookReason, BookState, TradeState
from mm_runtime.figures.quotes import MODES
from mm_runtime.figures.said import Said
from mm_runtime.figures.scale import SIDES
from mm_wire.subjects import BOOK_BUILDER, PAPER_EXCHANGE, QUOTER, RISK


def facts(node: Node, said: Said) -> dict[str, Any]:
    """The facts of the node, as they are now; refusals are counted since its process began."""
    if node.name == BOOK_BUILDER:
        return {"book": _book(node.state["builder"]["top"][0])}
    if node.name == QUOTER:
        return _quotes(node.state["quoter"][0])
    if node.name == RISK:
        return {"trading": _trading(node.state["risk"][0]), "denied": _refused(said, e.OrderDenied, _REASONS)}
    if node.name == PAPER_EXCHANGE:
        return {"rejected": _refused(said, e.OrderRejected, _REJECTS)}
    return {}


_REASONS = {reason.value: reason.name.lower() for reason in Reason}
_REJECTS = {reason.value: reason.name.lower() for reason in Reject}


def _book(top: Any) -> dict[str, str]:
    reason = BookReason(int(top["reason"]))
    return {"state": BookState(int(top["state"])).name, "reason": reason.name.lower() if reason else ""}


def _quotes(quoter: Any) -> dict[str, Any]:
    resting = {}
    for side, index in zip(SIDES, range(len(SIDES)), strict=True):
        orders = quoter["orders"][index, : quoter["open"][index]]
        resting[side] = sum(int(order["status"]) in {LIVE, CANCELING} for order in orders)
    return {"resting": resting, "mode": MODES[int(quoter["mode"])]}


def _trading(risk: Any) -> dict[str, Any]:
    state, reason = TradeState(int(risk["trading_state"])), Reason(int(risk["reason"]))
    said = {"state": state.name, "reason": reason.name.lower() if reason and state else ""}
    return said | {"resumes_ns": int(risk["resumes_ns"])}


def _refused(said: Said, kind: type[e.Event], names: Mapping[int, str]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for (event, detail), count in said.counts.items():
        if event is kind and isinstance(detail, int):
            counts[names[detail]] += count
    return dict(counts)
