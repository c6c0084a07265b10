"""Calls into the risk gate for tests, as `calls` has them for the other parts."""

from tests.unit.core.calls import State

from mm_core.compiled import compiled, new
from mm_core.events.records import MESSAGE
from mm_core.risk import risk as risks


@compiled
def _intent(risk: State, message: State) -> None:
    risks.risk_intent(risk[0], message[0])


@compiled
def _filled(risk: State, message: State) -> None:
    risks.risk_filled(risk[0], message[0])


def _message(**fields: int) -> State:
    message = new(MESSAGE)
    for name, value in fields.items():
        message[name] = value
    return message


def risk_intent(risk: State, order_id: int, side: int, price_ticks: int, qty_lots: int, ts_ns: int) -> None:
    order = {"order_id": order_id, "side": side, "price_ticks": price_ticks, "qty_lots": qty_lots}
    _intent(risk, _message(**order, time_in_force=1, local_ns=ts_ns))


@compiled
def risk_cancel_intent(risk: State, order_id: int, ts_ns: int) -> None:
    risks.risk_cancel_intent(risk[0], order_id, ts_ns)


def risk_filled(
    risk: State, order_id: int, side: int, price_ticks: int, qty_lots: int, leaves_lots: int, fee: int, ts_ns: int
) -> None:
    order = {"order_id": order_id, "side": side, "price_ticks": price_ticks, "qty_lots": qty_lots}
    _filled(risk, _message(**order, leaves_lots=leaves_lots, fee_e9=fee, local_ns=ts_ns))


@compiled
def risk_closed(risk: State, order_id: int) -> None:
    risks.risk_closed(risk[0], order_id)


@compiled
def risk_book(risk: State, top: State) -> None:
    risks.risk_book(risk[0], top[0])


@compiled
def risk_command(risk: State, trading_state: int, reason: int, ts_ns: int) -> None:
    risks.risk_command(risk[0], trading_state, reason, ts_ns)


@compiled
def risk_flatten(risk: State, reason: int, ts_ns: int) -> None:
    risks.risk_flatten(risk[0], reason, ts_ns)
