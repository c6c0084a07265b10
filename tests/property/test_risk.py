"""No sequence of intents, fills and cancels gets past the gate's limits."""

from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.unit.core import calls, gates

from mm_core.messages import SUBMIT
from mm_core.risk.state import ORDERS, new_risk
from mm_core.types import TradeState

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("intent"), st.integers(0, 1), st.integers(90, 110), st.integers(1, 40)),
        st.tuples(st.just("fill"), st.integers(0, 50), st.just(0), st.integers(1, 40)),
        st.tuples(st.just("closed"), st.integers(0, 50), st.just(0), st.just(0)),
        st.tuples(st.just("state"), st.sampled_from([int(each) for each in TradeState]), st.just(0), st.just(0)),
    ),
    max_size=60,
)


class Gate:
    """A gate and an independent count of what is open and held."""

    def __init__(self, **limits: int) -> None:
        self.risk = new_risk()
        for name, value in limits.items():
            self.risk["limits"][name] = value
        gates.risk_book(self.risk, calls.new_top(99, 101))
        self.orders: dict[int, tuple[int, int, int]] = {}  # id -> (side, price, open lots)
        self.position = 0
        self.cash = 0
        self.next_id = 1

    def step(self, kind: str, first: int, price_ticks: int, lots: int) -> None:
        """Take one step, keeping count."""
        if kind == "state":
            gates.risk_command(self.risk, first, 16, 0)
        elif kind == "intent":
            self.intent(first, price_ticks, lots)
        elif first in self.orders:
            side, price_ticks, leaves = self.orders[first]
            done = leaves if kind == "closed" else min(lots, leaves)
            if kind == "closed":
                gates.risk_closed(self.risk, first)
            else:
                gates.risk_filled(self.risk, first, side, price_ticks, done, leaves - done, 0, 0)
                self.position += done if side == 0 else -done
                self.cash -= price_ticks * (done if side == 0 else -done)
            self.orders[first] = (side, price_ticks, leaves - done)
            if leaves == done:
                del self.orders[first]

    def intent(self, side: int, price_ticks: int, lots: int) -> None:
        """Intend an order; count it if it passes."""
        gates.risk_intent(self.risk, self.next_id, side, price_ticks, lots, 0)
        (m,) = calls.outbox(self.risk)
        if m["kind"] == SUBMIT:
            assert 1 <= m["qty_lots"] <= lots
            self.orders[self.next_id] = (side, price_ticks, int(m["qty_lots"]))
            self.next_id += 1

    def fill_late(self, order_id: int) -> None:
        """A print of an order that is closed, or was never let through."""
        gates.risk_filled(self.risk, order_id, 0, 100, 1, 0, 0, 0)

    def open_lots(self, side: int) -> int:
        """Lots working on a side."""
        return sum(lots for each, _, lots in self.orders.values() if each == side)


@settings(max_examples=200)
@given(STEPS, st.integers(1, 60), st.integers(100, 6_000))
def test_the_position_with_all_working_orders_stays_within_its_limits(
    steps: list[tuple[str, int, int, int]], position_lots_max: int, notional_tick_lots_max: int
) -> None:
    gate = Gate(position_lots_max=position_lots_max, notional_tick_lots_max=notional_tick_lots_max)
    for step in steps:
        before = abs(gate.position)
        gate.step(*step)
        assert gate.position + gate.open_lots(0) <= position_lots_max
        assert gate.open_lots(1) - gate.position <= position_lots_max
        assert gate.risk["open_lots"][0].tolist() == [gate.open_lots(0), gate.open_lots(1)]
        assert int(gate.risk["account"]["position_lots"][0]) == gate.position
        assert len(gate.orders) <= ORDERS
        if abs(gate.position) > before:
            assert abs(gate.position) * 90 <= notional_tick_lots_max


@settings(max_examples=200)
@given(STEPS, st.lists(st.tuples(st.integers(0, 59), st.integers(1, 50)), max_size=20))
@example([("intent", 0, 90, 1), ("intent", 0, 90, 1), ("fill", 2, 0, 1)], [(0, 2)])
def test_however_many_prints_fill_an_order_it_counts_once(
    steps: list[tuple[str, int, int, int]], late: list[tuple[int, int]]
) -> None:
    gate = Gate()
    filled: set[int] = set()
    for at, step in enumerate(steps):
        if step[0] == "fill" and step[1] in gate.orders:
            filled.add(step[1])
        gate.step(*step)
        for order_id in (order_id for when, order_id in late if when == at and order_id not in gate.orders):
            strange_id = order_id if order_id < gate.next_id else order_id + 1_000  # no id that an order gets later
            filled.add(strange_id)
            gate.fill_late(strange_id)
        assert int(gate.risk["filled"]["count"][0]) == len(filled)


@settings(max_examples=200)
@given(STEPS, st.integers(0, 60), st.integers(0, 6_000))
def test_a_spot_account_never_owes_either_currency(
    steps: list[tuple[str, int, int, int]], base_lots: int, quote_tick_lots: int
) -> None:
    gate = Gate(spot=1, base_lots=base_lots, quote_tick_lots=quote_tick_lots)
    for step in steps:
        gate.step(*step)
        assert base_lots + gate.position - gate.open_lots(1) >= 0
        reserved = sum(price * lots for side, price, lots in gate.orders.values() if side == 0)
        assert quote_tick_lots + gate.cash - reserved >= 0
