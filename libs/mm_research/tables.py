"""A recording, or a segment of one, as Arrow tables for people and notebooks: exact decimals, times ns UTC."""

from decimal import Decimal

import numpy as np
import pyarrow as pa

from mm_core.events.records import MESSAGE, OrderKind
from mm_core.exchange.venue import Reject
from mm_core.messages import DENIED, FILLED, INTENT, REJECTED, SUBMIT, TRADING_STATE
from mm_core.risk.reason import Reason
from mm_core.setup.units import Units
from mm_core.types import BookState, Side, TradeState
from mm_research.arrow import decimals, names, scale_of
from mm_research.engine.state import SAMPLE
from mm_research.exact import exact_difference, exact_products
from mm_research.recording import Array, Recording

_MONEY = Decimal("1e-9")
_KINDS = {kind.value: kind.name.lower() for kind in OrderKind}
_SIDES = {side.value: side.name.lower() for side in Side}
_BOOK_STATES = {state.value: state.name for state in BookState}
_TRADE_STATES = {state.value: state.name.lower() for state in TradeState}
_RISK_REASONS = {reason.value: reason.name.lower() for reason in Reason if reason}
_REJECT_REASONS = {reason.value: reason.name.lower() for reason in Reject}
_REJECT_SHIFT = 1000  # both codes of reasons in one column of names
_REASONS = _RISK_REASONS | {_REJECT_SHIFT + code: name for code, name in _REJECT_REASONS.items()}
_RETAINED_SAMPLES = 1 << 12
_ALLOW, _ADJUST, _BLOCK, _NO_ANSWER = range(4)
_ANSWERS = {_ALLOW: "allow", _ADJUST: "adjust", _BLOCK: "block"}


class Quotes:
    """Takes the segments of a run: every intent with risk's answer, and the book and position it was decided on.

    An order is held until a later decision is known: two may have one time, and the last of them counts.
    """

    def __init__(self) -> None:
        self._held = np.empty(0, MESSAGE)  # intents and their answers
        self._samples = np.empty(0, SAMPLE)  # the last ones
        self._begin_ns = 0  # what was before is dropped

    def take(self, segment: Recording) -> pa.Table:
        """Take the next segment; the rows that are known now."""
        messages, samples = segment.messages, np.concatenate([self._samples, segment.samples])
        of_quotes = np.isin(messages["kind"], (INTENT, SUBMIT, DENIED))
        rows = np.concatenate([self._held, messages[of_quotes]])
        intents = rows[rows["kind"] == INTENT]
        count = len(intents)
        if not segment.is_last:
            last_ns = samples["local_ns"][-1] if len(samples) else 0
            is_known = intents["ts_ns"] < last_ns
            count = count if is_known.all() else int(np.argmin(is_known))
        assert not np.any(intents["ts_ns"][:count] < self._begin_ns), "an order of a decision that was dropped"
        table = _quotes(intents[:count], _answers(rows), samples, segment.units)
        self._held = rows[np.isin(rows["order_id"], intents["order_id"][count:])]
        self._samples = samples[-_RETAINED_SAMPLES:].copy()
        if len(samples) > _RETAINED_SAMPLES:
            self._begin_ns = int(self._samples["local_ns"][0])
        return table


def quotes(recording: Recording) -> pa.Table:
    """Those of a run in one piece."""
    return Quotes().take(recording)


def _quotes(intents: Array, answers: Array, samples: Array, units: Units) -> pa.Table:
    at = np.searchsorted(answers["order_id"], intents["order_id"])
    found = at < len(answers)
    found[found] = answers["order_id"][at[found]] == intents["order_id"][found]
    answer = answers[np.where(found, at, 0)] if len(answers) else np.zeros(len(intents), MESSAGE)
    verdict = np.select(
        [~found, answer["kind"] == DENIED, answer["reason"] != 0], [_NO_ANSWER, _BLOCK, _ADJUST], _ALLOW
    )
    sent_lots = np.where(found & (answer["kind"] == SUBMIT), answer["qty_lots"], 0)
    return pa.table(
        {
            "ts_ns": intents["ts_ns"],
            "order_id": intents["order_id"],
            "side": names(intents["side"], _SIDES),
            "price": decimals(intents["price_ticks"], units.tick),
            "qty": decimals(intents["qty_lots"], units.lot),
            "answer": names(verdict, _ANSWERS),
            "reason": names(np.where(found, answer["reason"], 0), _RISK_REASONS),
            "qty_sent": decimals(sent_lots, units.lot),
        }
        | _decided_on(samples, units, intents["ts_ns"])
    )


def _answers(rows: Array) -> Array:
    """Risk's answer to each intended order, by order id."""
    answers = rows[(rows["kind"] == SUBMIT) | (rows["kind"] == DENIED)]
    sorted_answers: Array = answers[np.argsort(answers["order_id"], kind="stable")]
    return sorted_answers


def _decided_on(samples: Array, units: Units, ts_ns: Array) -> dict[str, pa.Array]:
    """Touch, volatility and position of the sample of each decision."""
    at = np.searchsorted(samples["local_ns"], ts_ns, side="right") - 1
    unknown = at < 0
    rows = samples[at] if len(samples) else np.zeros(len(ts_ns), SAMPLE)
    return {
        "bid": decimals(rows["bid_ticks"], units.tick, mask=unknown),
        "ask": decimals(rows["ask_ticks"], units.tick, mask=unknown),
        "volatility_ticks_sqrt_s": pa.array(rows["volatility_ticks_sqrt_s"], from_pandas=True),
        "position": decimals(rows["position_lots"], units.lot, mask=unknown),
    }


def orders(recording: Recording) -> pa.Table:
    """Every message about orders but the fills, in log order; and the changes of the trading state."""
    rows = recording.messages[recording.messages["kind"] != FILLED]
    is_state = rows["kind"] == TRADING_STATE
    reasons = np.where(rows["kind"] == REJECTED, rows["reason"] + _REJECT_SHIFT, rows["reason"])
    units = recording.units
    return pa.table(
        {
            "ts_ns": rows["ts_ns"],
            "local_ns": rows["local_ns"],
            "event": names(rows["kind"], _KINDS),
            "order_id": rows["order_id"],
            "side": names(np.where(is_state, -1, rows["side"]), _SIDES),
            "price": decimals(rows["price_ticks"], units.tick, mask=is_state),
            "qty": decimals(rows["qty_lots"], units.lot, mask=is_state),
            "leaves": decimals(rows["leaves_lots"], units.lot, mask=is_state),
            "reason": names(reasons, _REASONS),
            "trading_state": names(np.where(is_state, rows["state"], -1), _TRADE_STATES),
        }
    )


def fills(recording: Recording) -> pa.Table:
    """Every fill: `ts_trade_ns` at the venue, `ts_fill_ns` when we received it; fee > 0 is a cost.

    `mid` is the venue's just before it, null where it had none yet.
    """
    rows, units = recording.fills, recording.units
    return pa.table(
        {
            "ts_trade_ns": rows["ts_ns"],
            "ts_fill_ns": rows["local_ns"],
            "order_id": rows["order_id"],
            "side": names(rows["side"], _SIDES),
            "price": decimals(rows["price_ticks"], units.tick),
            "qty": decimals(rows["qty_lots"], units.lot),
            "leaves": decimals(rows["leaves_lots"], units.lot),
            "maker": rows["maker"] == 1,
            "fee": decimals(rows["fee_e9"], _MONEY),
            "position": decimals(recording.before.position_lots + np.cumsum(recording.signed_lots), units.lot),
            "mid": decimals(rows["mid_half_ticks"], units.tick / 2, mask=rows["mid_half_ticks"] == 0),
        }
    )


def state(recording: Recording) -> pa.Table:
    """The book and the position at every decision; a side without levels is null."""
    rows, units = recording.samples, recording.units
    no_bid, no_ask = rows["bid_lots"] == 0, rows["ask_lots"] == 0
    return pa.table(
        {
            "ts_ns": rows["local_ns"],
            "state": names(rows["state"], _BOOK_STATES),
            "bid": decimals(rows["bid_ticks"], units.tick, mask=no_bid),
            "bid_qty": decimals(rows["bid_lots"], units.lot, mask=no_bid),
            "ask": decimals(rows["ask_ticks"], units.tick, mask=no_ask),
            "ask_qty": decimals(rows["ask_lots"], units.lot, mask=no_ask),
            "mid": decimals(rows["bid_ticks"] + rows["ask_ticks"], units.tick / 2, mask=no_bid | no_ask),
            "volatility_ticks_sqrt_s": pa.array(rows["volatility_ticks_sqrt_s"], from_pandas=True),
            "position": decimals(rows["position_lots"], units.lot),
        }
    )


def pnl(recording: Recording) -> pa.Table:
    """The result at every decision: total = realised + unrealised - fees = spread + inventory - fees, exactly."""
    rows, half = recording.samples, recording.units.value / 2
    scale = max(scale_of(half), scale_of(_MONEY))
    half_count, money_count = int(half.scaleb(scale)), int(_MONEY.scaleb(scale))
    unit = Decimal(1).scaleb(-scale)
    total_half, fees = exact_products(recording.total_half, half_count), exact_products(rows["fees_e9"], money_count)
    return pa.table(
        {
            "ts_ns": rows["local_ns"],
            "position": decimals(rows["position_lots"], recording.units.lot),
            "cash": decimals(rows["cash_half"], half, scale),
            "total": decimals(exact_difference(total_half, fees), unit, scale),
            "realised": decimals(rows["realised_half"], half, scale),
            "unrealised": decimals(exact_difference(recording.total_half, rows["realised_half"]), half, scale),
            "fees": decimals(rows["fees_e9"], _MONEY, scale),
            "spread": decimals(rows["spread_half"], half, scale),
            "inventory": decimals(rows["inventory_half"], half, scale),
        }
    )
