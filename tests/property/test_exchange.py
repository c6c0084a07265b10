"""The exchange, whatever market and orders come: nothing is filled twice, too much, at a wrong price or out of turn."""

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.core.venue import GTC, GTX, IOC, Exchange

PRICES = st.integers(97, 105)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["bid", "ask"]), PRICES, st.integers(0, 20)),
        st.tuples(st.sampled_from(["sold", "bought"]), PRICES, st.integers(1, 30)),
        st.tuples(st.sampled_from(["buy", "sell"]), PRICES, st.integers(1, 9)),
        st.tuples(st.just("cancel"), st.integers(1, 15), st.just(0)),
    ),
    max_size=50,
)


class Orders:
    """What we know of our orders from the venue's answers."""

    def __init__(self) -> None:
        self.sent: dict[int, tuple[int, int, int]] = {}  # id -> (side, price, lots)
        self.leaves: dict[int, int] = {}
        self.done: dict[int, bool] = {}

    def step(self, exchange: Exchange, kind: str, first: int, lots: int, flag: int) -> None:
        """Take one step of the market or of ours."""
        if kind in {"buy", "sell"}:
            order_id = len(self.sent) + 1
            side = 0 if kind == "buy" else 1
            self.sent[order_id] = (side, first, lots)
            self.leaves[order_id] = lots
            exchange.submit(order_id, side, first, lots, flag=flag)
        elif kind == "cancel":
            exchange.cancel(first)
        else:
            getattr(exchange, kind)(first, lots)

    def take(self, exchange: Exchange) -> list[tuple[int, int]]:
        """Check each answer; (order id, lots) of the fills as maker."""
        made = []
        for a in exchange.answers():
            if a.kind == "CANCEL_REJECTED":
                assert a.order_id not in self.sent or a.order_id in self.done
                continue
            assert a.order_id not in self.done
            side, price_ticks, _ = self.sent[a.order_id]
            if a.kind == "FILLED":
                self.leaves[a.order_id] -= a.qty_lots
                assert a.qty_lots > 0
                assert a.price_ticks == price_ticks or not a.maker
                assert a.price_ticks <= price_ticks if side == 0 else a.price_ticks >= price_ticks
                if a.maker:
                    made.append((a.order_id, a.qty_lots))
            assert a.leaves_lots == self.leaves[a.order_id]
            if a.leaves_lots == 0 or a.kind in {"CANCELED", "REJECTED", "EXPIRED"}:
                self.done[a.order_id] = True
        return made


@settings(max_examples=300)
@given(STEPS, st.integers(0, 5), st.sampled_from([GTX, GTX, GTC, IOC]))
def test_one_trade_never_fills_more_than_its_lots_and_every_order_adds_up(
    steps: list[tuple[str, int, int]], queue_model: int, flag: int
) -> None:
    exchange, orders = Exchange(partial_fills=1, queue_model=queue_model, queue_power=3.0), Orders()
    for kind, first, lots in steps:
        orders.take(exchange)
        orders.step(exchange, kind, first, lots, flag)
        made = orders.take(exchange)
        if kind in {"sold", "bought", "bid", "ask"}:
            assert sum(filled for _, filled in made) <= lots
        else:
            assert made == []
        priority = [((-1, 1)[orders.sent[i][0]] * orders.sent[i][1], i) for i, _ in made]
        assert priority == sorted(priority), "a worse price or a later order was filled first"


@settings(max_examples=200)
@given(STEPS, st.integers(0, 5))
def test_without_partial_fills_an_order_is_filled_completely_and_a_trade_reaches_no_more_than_its_lots(
    steps: list[tuple[str, int, int]], queue_model: int
) -> None:
    exchange, orders = Exchange(partial_fills=0, queue_model=queue_model, queue_power=3.0), Orders()
    for kind, first, lots in steps:
        orders.take(exchange)
        orders.step(exchange, kind, first, lots, GTX)
        made = orders.take(exchange)
        assert all(filled == orders.sent[order_id][2] for order_id, filled in made)
        if kind in {"sold", "bought"} and made:
            assert sum(filled for _, filled in made[:-1]) < lots  # only the last one may be more than was left


@settings(max_examples=200)
@given(STEPS, st.sampled_from([GTC, IOC]))
def test_no_more_is_taken_of_a_displayed_level_than_it_shows_until_it_changes(
    steps: list[tuple[str, int, int]], flag: int
) -> None:
    exchange, orders = Exchange(partial_fills=1), Orders()
    shown, taken = {(0, 100): 10, (1, 102): 10}, dict[tuple[int, int], int]()
    for kind, first, lots in steps:
        if kind in {"bid", "ask"}:
            level = (int(kind == "ask"), first)
            if shown.get(level, 0) != lots:
                shown[level], taken[level] = lots, 0
        orders.step(exchange, kind, first, lots, flag)
        for a in exchange.answers():
            if a.kind == "FILLED" and not a.maker:
                level = (1 - a.side, a.price_ticks)
                taken[level] = taken.get(level, 0) + a.qty_lots
                assert taken[level] <= shown[level]


@settings(max_examples=100)
@given(STEPS, st.integers(0, 5), st.integers(0, 1))
def test_the_same_requests_and_market_give_the_same_bytes(
    steps: list[tuple[str, int, int]], queue_model: int, partial_fills: int
) -> None:
    runs = []
    for _ in range(2):
        exchange, orders = Exchange(partial_fills=partial_fills, queue_model=queue_model), Orders()
        for kind, first, lots in steps:
            orders.step(exchange, kind, first, lots, GTX)
        runs.append((exchange.answers(), exchange.state.tobytes()))
    assert runs[0] == runs[1]
