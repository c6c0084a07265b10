"""The accountant as a node: fills and marks in, the account after each fill out."""

from collections.abc import Sequence
from typing import get_args

from mm_core import events as e
from mm_core.accounting.account import account_fill, account_mark, total_half
from mm_core.accounting.drawdown import ACCOUNTANT, update_drawdown
from mm_core.accounting.money import money_e9
from mm_core.compiled import compiled, new
from mm_core.node import Node, State
from mm_core.types import BookState

Inputs = e.OrderFilled | e.Book
Outputs = e.PositionChanged


@compiled
def on_fill(state: State, side: int, price_ticks: int, qty_lots: int, fee_e9: int, mid_half: int) -> None:
    """A fill."""
    account_fill(state[0], side, price_ticks, qty_lots, fee_e9, mid_half)


@compiled
def on_mid(state: State, mid_half: int) -> None:
    """A new mid in half-ticks."""
    account_mark(state[0], mid_half)


@compiled
def on_change(state: State, value_num: int, value_den: int) -> None:
    """The account has changed: the drawdown of an ACCOUNTANT follows it."""
    update_drawdown(state[0].drawdown, state[0].account, value_num, value_den)


@compiled
def split_e9(state: State, value_num: int, value_den: int) -> tuple[int, int, int]:
    """(total, realised, spread) before fees, in 1e-9 of the quote."""
    account = state[0]
    return (
        money_e9(total_half(account), value_num, 2 * value_den),
        money_e9(account.realised_half, value_num, 2 * value_den),
        money_e9(account.spread_half, value_num, 2 * value_den),
    )


class _Accountant:
    """The step of the node, with the views of the state that it reads."""

    def __init__(self, instrument_id: str, state: State, value_num: int, value_den: int) -> None:
        self._instrument_id = instrument_id
        self._state = state
        account, drawdown = state["account"], state["drawdown"]
        self._account = account
        self._value = value_num, value_den
        self._position_lots, self._cost_half = account["position_lots"], account["cost_half"]
        self._fees_e9 = account["fees_e9"]
        self._drawdown_e9, self._drawdown_max_e9 = drawdown["drawdown_e9"], drawdown["drawdown_max_e9"]

    def step(self, event: Inputs) -> Sequence[Outputs]:
        match event:
            case e.OrderFilled():
                fill = event.price_ticks, event.qty_lots, event.fee_e9, event.mid_half_ticks
                on_fill(self._account, int(event.side), *fill)
                on_change(self._state, *self._value)
                return [self._changed(event.local_ns)]
            case e.Book(state=BookState.VALID) if event.bid_lots and event.ask_lots:
                on_mid(self._account, event.bid_ticks + event.ask_ticks)
                on_change(self._state, *self._value)
            case e.Book():
                pass  # no mid that is proven: the last one holds
        return ()

    def _changed(self, local_ns: int) -> e.PositionChanged:
        # In plain Python they are NumPy's integers, which no codec takes.
        total_e9, realised_e9, spread_e9 = map(int, split_e9(self._account, *self._value))
        position_lots = int(self._position_lots[0])
        return e.PositionChanged(
            instrument_id=self._instrument_id,
            ts_ns=local_ns,
            local_ns=local_ns,
            position_lots=position_lots,
            average_price_ticks=float(self._cost_half[0]) / 2 / position_lots if position_lots else 0.0,
            realised_e9=realised_e9,
            unrealised_e9=total_e9 - realised_e9,  # by difference: the two splits add up to the last 1e-9
            fees_e9=int(self._fees_e9[0]),
            spread_e9=spread_e9,
            inventory_e9=total_e9 - spread_e9,
            drawdown_e9=int(self._drawdown_e9[0]),
            drawdown_max_e9=int(self._drawdown_max_e9[0]),
        )


def accountant_node(instrument_id: str, account: State, value_num: int, value_den: int) -> Node:
    """The accountant of one instrument from `account` (an array of one ACCOUNT).

    One tick x one lot is worth value_num / value_den of 1e-9 quote.
    """
    state = new(ACCOUNTANT)
    state["account"] = account
    return Node(
        name="accountant",
        rank=4,
        inputs=get_args(Inputs),
        outputs=(Outputs,),
        step=_Accountant(instrument_id, state, value_num, value_den).step,
        state=state,
    )
