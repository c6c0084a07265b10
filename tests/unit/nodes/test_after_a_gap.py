"""Builder and quoter after a hole in the data: no quote rests on the volatility of before."""

import math
from decimal import Decimal

import pytest
from tests.unit.nodes.events import BUILDER, NAME, S, core, delta, snapshot, status, step, tick

from mm_core import events as e
from mm_core.node import Node
from mm_core.setup.nodes import new_nodes
from mm_core.types import BookState

MARKET_S = 30


def nodes() -> tuple[Node, Node]:
    """Builder and quoter of one session that quotes with the book's own volatility, of a half-life of 4 s."""
    session = core(
        signals={"volatility_half_life_s": 4.0},
        quoter={
            "strategy": "avellaneda_stoikov",
            "order_qty_base": Decimal("0.002"),
            "position_max_base": Decimal("0.002"),
        },
        avellaneda_stoikov={"gamma_per_tick": 0.1, "k_per_tick": 0.8},
    )
    made = new_nodes(session, NAME)
    return made[BUILDER], made[BUILDER + 1]


def quoted(quoter: Node, book: e.Book) -> list[e.OrderIntent | e.CancelIntent]:
    """The quoter's intents at this Book; the venue carries them out at once."""
    outputs: list[e.OrderIntent | e.CancelIntent] = list(step(quoter, book))
    for each in outputs:
        order = {name: getattr(each, name) for name in e.OrderEvent.__struct_fields__}
        step(quoter, e.OrderAccepted(**order) if isinstance(each, e.OrderIntent) else e.OrderCanceled(**order))
    return outputs


def market(builder: Node, quoter: Node, from_s: int, seconds: int) -> list[tuple[int, float, int]]:
    """A mid that moves each second: (second, volatility, orders intended and canceled) of each Book."""
    seen = []
    for second in range(from_s, from_s + seconds):
        step(builder, delta(second * S, bids=[(99, 5 if second % 2 else 0)]))
        (book,) = step(builder, tick(second * S))
        answers = quoted(quoter, book)
        seen.append((second, book.volatility_ticks_sqrt_s, len(answers)))
    return seen


def opened(builder: Node, second: int) -> None:
    step(builder, snapshot(second * S))
    step(builder, status(second * S))


@pytest.mark.parametrize(
    ("gap_s", "cold_s"),
    [(1, 0), (2, 0), (4, 2), (3_600, 6)],
)
def test_a_long_gap_ends_quoting_until_the_volatility_is_warm_again(gap_s: int, cold_s: int) -> None:
    builder, quoter = nodes()
    opened(builder, 1)
    before = market(builder, quoter, 1, MARKET_S)
    assert before[-1][1] == pytest.approx(0.5)
    step(builder, status(MARKET_S * S, BookState.GAP))
    (book,) = step(builder, tick((MARKET_S * S) + S // 10))
    assert {type(output) for output in quoted(quoter, book)} == {e.CancelIntent}
    opened(builder, MARKET_S + gap_s)
    after = market(builder, quoter, MARKET_S + gap_s, MARKET_S)
    cold = [math.isnan(volatility) for _, volatility, _ in after]
    assert cold == [True] * cold_s + [False] * (MARKET_S - cold_s)
    assert all(orders == 0 for (_, _, orders), is_cold in zip(after, cold, strict=True) if is_cold)
