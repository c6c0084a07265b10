"""Any market, any configuration, any commands at any time: quoter, risk and venue keep one account of the orders."""

from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.parity.harness import small
from tests.parity.markets import INSTRUMENT, Market, configs

from mm_core import events as e
from mm_core.setup.config import Config
from mm_core.setup.core import new_core
from mm_core.setup.nodes import new_nodes
from mm_core.stamper import Stamper
from mm_core.types import BookState, Command, Side, TradeState
from mm_research.log_rows import LogRows
from mm_research.memory_log import MemoryLog
from mm_research.recording import Recording

MARKET_MOVES = 160
SETTLE_TICKS = 150
SETS = [
    ("quoter.levels", "3"),
    ("quoter.order_qty_base", "0.002"),
    ("fixed_spread.half_spread_ticks", "0.5"),
    ("avellaneda_stoikov.k_per_tick", "0.6"),
    ("risk.order_max_base", "0.003"),
    ("risk.position_max_base", "0.001"),
    ("risk.collar_bps", "50"),
    ("risk.orders_per_window_max", "3"),
    ("risk.fills_per_window_max", "1"),
    ("risk.rate_halt_s", "0.5"),
    ("risk.rate_halt_s", "0"),
    ("quoter.levels", "x"),
    ("nonsense", "1"),
]
COMMANDS = st.lists(
    st.tuples(
        st.integers(1, 99),  # after this percentage of the market
        st.sampled_from([(each, "", "") for each in Command] + [(Command.SET, *each) for each in SETS]),
    ),
    min_size=1,
    max_size=12,
)


def lively(chance: Random) -> list[Any]:
    """Moves of a market in which quotes rest and fill: drawn one by one they would mostly make a book without proof."""
    drawn = []
    for at in range(MARKET_MOVES):
        kind = {0: "snapshot", 1: "status"}.get(at % 20, chance.choice(["trade", "trade", "delta", "delta", "status"]))
        levels = [(chance.randint(-2, 1) * (-1) ** (i % 2), chance.randint(0, 6)) for i in range(chance.randint(0, 3))]
        choice = 1 if at % 20 == 1 or (kind == "status" and chance.random() < 0.9) else chance.randint(0, 7)
        drawn.append((kind, chance.choice([0, 1, 10, 40, 100]), chance.choice([0, 5, 50]), levels, choice))
    return drawn


class Chain:
    """The five nodes and their log, with what must hold after every root."""

    def __init__(self, config: Config) -> None:
        core = small(new_core(config, INSTRUMENT), 128, 64)
        nodes = new_nodes(core, INSTRUMENT.instrument_id)
        self.venue, _, self.quoter, self.risk, self.account = (node.state for node in nodes)
        self.rows = LogRows()
        self.state = TradeState.ACTIVE
        self.reducing: dict[int, bool] = {}  # orders that were let through to reduce
        self.position_lots = 0
        self._log = MemoryLog(nodes, self._on_event)
        self._stamper = Stamper(core.period_ns)

    def append(self, root: e.RootEvent) -> None:
        """Append a root and the Ticks before it."""
        for each in self._stamper.stamp(root):
            self._append(each)

    def tick(self) -> int:
        """Append the next Tick; its time."""
        (tick,) = self._stamper.finish()
        self._append(tick)
        return tick.ts_ns

    def command(self, command: Command, key: str = "", value: str = "") -> None:
        """A command of the operator, now."""
        self.append(e.OperatorCommand(ts_ns=0, command=command, key=key, value=value))

    def _append(self, root: e.RootEvent) -> None:
        self._log.append(root)
        assert self.open_at_quoter() == self.open_at_risk()
        if self.is_quiet():
            assert self.open_at_venue() == self.open_at_quoter()
        positions = [
            int(self.quoter["quoter"]["terms"]["position_lots"][0]),
            int(self.risk["risk"]["account"]["position_lots"][0]),
            int(self.account["account"]["position_lots"][0]),
        ]
        assert positions == [self.position_lots] * 3

    def _on_event(self, event: e.Event) -> None:
        self.rows.take(event)
        match event:
            case e.TradingState():
                self.state = event.state
            case e.OrderIntent() | e.CancelIntent():
                assert self.state != TradeState.HALTED
            case e.SubmitOrder():
                assert self.state != TradeState.HALTED
                if self.state == TradeState.REDUCING:
                    self.reducing[event.order_id] = True
            case e.OrderFilled():
                before = self.position_lots
                self.position_lots += event.qty_lots if event.side == Side.BUY else -event.qty_lots
                if event.order_id in self.reducing:
                    assert abs(self.position_lots) == abs(before) - event.qty_lots

    def is_quiet(self) -> bool:
        """Nothing is in flight to the venue or back."""
        venue = self.venue["sets"]["venue"][0, 0]
        return all(venue[name]["head"] == venue[name]["tail"] for name in ("inbox", "outbox"))

    def open_at_quoter(self) -> list[int]:
        """Ids of the orders that the quoter does not know to be closed."""
        quoter = self.quoter["quoter"][0]
        return sorted(int(i) for side in (0, 1) for i in quoter["orders"][side, : quoter["open"][side]]["order_id"])

    def open_at_risk(self) -> list[int]:
        """Ids of risk's open orders."""
        risk = self.risk["risk"][0]
        return sorted(int(i) for i in risk["orders"][: risk["open_orders"]]["order_id"])

    def open_at_venue(self) -> list[int]:
        """Ids of the orders that rest at the venue."""
        venue = self.venue["sets"]["venue"][0, 0]
        return sorted(int(i) for side in (0, 1) for i in venue["orders"][side, : venue["resting"][side]]["order_id"])

    def settle(self) -> None:
        """A proven book with levels on both sides that come back when they are taken, and time for all in flight."""
        now_ns = self.tick()
        times: dict[str, Any] = {"instrument_id": INSTRUMENT.instrument_id, "ts_ns": now_ns, "recv_ns": now_ns}
        bids: dict[str, Any] = {"bid_ticks": (999, 998), "bid_lots": (5, 6)}
        asks: dict[str, Any] = {"ask_ticks": (1001, 1002), "ask_lots": (5, 6)}
        self.append(e.BookSnapshot(**times, update_id=1_000, **bids, **asks))
        self.append(
            e.FeedStatus(**times, state=BookState.VALID, epoch=9, complete_low_ticks=1, complete_high_ticks=2_000)
        )
        for at in range(SETTLE_TICKS):
            times |= {"ts_ns": now_ns, "recv_ns": now_ns}
            levels: dict[str, Any] = {"bid_ticks": (999,), "ask_ticks": (1001,)}
            lots: dict[str, Any] = {"bid_lots": (5 + at % 2,), "ask_lots": (5 + at % 2,)}
            self.append(e.BookDelta(**times, first_update_id=1_001 + at, update_id=1_001 + at, **levels, **lots))
            now_ns = self.tick()


@settings(max_examples=100)
@given(configs(), st.integers(0, 2**32), COMMANDS)
def test_orders_and_positions_agree_whatever_the_operator_commands_and_flatten_ends_flat(
    config: Config, seed: int, commands: list[tuple[int, tuple[Command, str, str]]]
) -> None:
    chain = Chain(config)
    roots = Market().events(lively(Random(seed)))  # noqa: S311
    for at, root in enumerate(roots):
        chain.append(root)
        for percent, command in commands:
            if at == percent * len(roots) // 100:
                chain.command(*command)
    chain.command(Command.FLATTEN)
    chain.settle()
    assert chain.is_quiet()
    assert (chain.position_lots, chain.open_at_quoter(), chain.open_at_venue()) == (0, [], [])
    Recording(INSTRUMENT, *chain.rows.rows())  # it checks the account at the end
