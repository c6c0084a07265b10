"""What a run leaves: checked accounts, digests, tables of exact decimals, and the folder."""

import csv
import hashlib
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm_core.compiled import CORE_DIGEST
from mm_core.events import InstrumentDefined
from mm_core.events.records import MESSAGE
from mm_core.messages import DENIED, FILLED, INTENT, REJECTED, SUBMIT, TRADING_STATE
from mm_core.risk.reason import Reason
from mm_core.setup.config import Config
from mm_core.types import NS_PER_S, BookState, InputError
from mm_research import tables
from mm_research.arrow import decimals, fixed, scale_of, write_csv
from mm_research.engine.state import SAMPLE
from mm_research.kpi_spread import kpi_spread
from mm_research.recording import Recording
from mm_research.session import Session, check_folder, write_session
from mm_research.table_writer import TABLES

ETH = InstrumentDefined(
    instrument_id="binance.ETHUSDT", ts_ns=0, venue_symbol="ETHUSDT", tick_size="0.1", lot_size="0.001"
)
T0 = 1_700_000_000 * NS_PER_S


def rows(dtype: np.dtype[Any], *fields: dict[str, int]) -> np.ndarray[Any, Any]:
    """Records of these fields, the rest 0."""
    made = np.zeros(len(fields), dtype)
    for i, values in enumerate(fields):
        for name, value in values.items():
            made[name][i] = value
    return made


def message(kind: Any, order_id: int, second: int, **fields: int) -> dict[str, int]:
    """A message of an order of 10 lots at 100 ticks."""
    times = {"ts_ns": T0 + second * NS_PER_S, "local_ns": T0 + second * NS_PER_S}
    return times | {"kind": kind, "order_id": order_id, "price_ticks": 100, "qty_lots": 10} | fields


def sample(second: int, bid: int, ask: int, **fields: int) -> dict[str, int]:
    """A decision on a VALID book."""
    book = {"bid_ticks": bid, "bid_lots": 5, "ask_ticks": ask, "ask_lots": 5, "state": int(BookState.VALID)}
    return {"local_ns": T0 + second * NS_PER_S} | book | fields


# A buy of 10 at 100 under a mid of 101, then the mid moves to 103; a second order is cut to 4 lots and never fills.
MESSAGES = rows(
    MESSAGE,
    message(INTENT, 1, 0),
    message(SUBMIT, 1, 0, time_in_force=1),
    message(FILLED, 1, 1, fee_e9=1_500, maker=1, mid_half_ticks=202),
    message(INTENT, 2, 2, side=1, price_ticks=104),
    message(SUBMIT, 2, 2, side=1, price_ticks=104, qty_lots=4, reason=int(Reason.POSITION)),
    message(INTENT, 3, 2),
    message(DENIED, 3, 2, reason=int(Reason.HALTED)),
    message(REJECTED, 2, 3, side=1, price_ticks=104, qty_lots=4, reason=1),
    message(TRADING_STATE, 0, 3, state=2, reason=int(Reason.LOSS_DAY), price_ticks=0, qty_lots=0),
)
HELD = {"position_lots": 10, "cash_half": -2000, "fees_e9": 1_500, "spread_half": 20}
SAMPLES = rows(
    SAMPLE,
    {"local_ns": T0 - NS_PER_S},
    sample(0, 100, 102),
    sample(2, 102, 104, inventory_half=40, **HELD),
    {"local_ns": T0 + 3 * NS_PER_S, "state": int(BookState.GAP), "inventory_half": 40} | HELD,
)


def recording() -> Recording:
    """Those messages and samples."""
    return Recording(ETH, MESSAGES, SAMPLES)


def test_the_result_is_split_exactly() -> None:
    assert recording().result() == {
        "total": 0.0029985,
        "realised": 0.0,
        "unrealised": 0.003,
        "fees": 0.0000015,
        "spread": 0.001,
        "inventory": 0.002,
    }
    assert (recording().position(), recording().order_count) == (0.01, 2)


def test_a_run_without_decisions_has_no_result() -> None:
    empty = Recording(ETH, MESSAGES[:2], SAMPLES[:0])
    assert (empty.result()["total"], empty.position(), len(tables.quotes(empty)), len(kpi_spread(empty))) == (
        0,
        0,
        1,
        0,
    )


@pytest.mark.parametrize(
    ("field", "stop"),
    [
        ("position_lots", "position_lots of the last sample"),
        ("cash_half", "cash_half of the last sample"),
        ("fees_e9", "fees_e9 of the last sample"),
        ("inventory_half", "spread \\+ inventory is not the total"),
    ],
)
def test_an_account_that_the_fills_do_not_make_stops(field: str, stop: str) -> None:
    wrong = SAMPLES.copy()
    wrong[field][-1] += 1
    with pytest.raises(AssertionError, match=stop):
        Recording(ETH, MESSAGES, wrong)


def test_a_flat_account_has_realised_everything() -> None:
    wrong = SAMPLES.copy()
    wrong["realised_half"][0] = 1
    with pytest.raises(AssertionError, match="not all is realised"):
        Recording(ETH, MESSAGES, wrong)


def test_digests_are_of_the_bytes_of_each_kind() -> None:
    digests = recording().digests()
    fields = ("ts_ns", "local_ns", "order_id", "price_ticks", "qty_lots", "leaves_lots", "fee_e9", "kind")
    for name, is_fill in (("orders", False), ("fills", True)):
        rows_of_kind = [row for row in MESSAGES if (row["kind"] == FILLED) == is_fill]
        shared = [
            (row["side"] + row["state"], row["reason"], row["time_in_force"] + row["maker"], row["mid_half_ticks"])
            for row in rows_of_kind
        ]
        columns = [[*(row[each] for each in fields), *more] for row, more in zip(rows_of_kind, shared, strict=True)]
        assert digests[name] == hashlib.sha256(np.array(columns, "<i8").tobytes()).hexdigest()
    numbers = [int(row[name]) for row in SAMPLES for name in ("local_ns", "position_lots", "cash_half", "fees_e9")]
    written = b"".join(number.to_bytes(8, "little", signed=True) for number in numbers)
    assert digests["positions"] == hashlib.sha256(written).hexdigest()


def test_quotes_hold_the_answers_of_risk() -> None:
    quotes = tables.quotes(recording()).to_pydict()
    assert quotes["answer"] == ["allow", "adjust", "block"]
    assert quotes["reason"] == [None, "position", "halted"]
    assert quotes["qty_sent"] == [Decimal("0.010"), Decimal("0.004"), Decimal("0.000")]
    assert quotes["bid"] == [Decimal("10.0"), Decimal("10.2"), Decimal("10.2")]


def test_an_intent_without_an_answer_has_none() -> None:
    cut = Recording(ETH, MESSAGES[:1], SAMPLES[:1])
    quotes = tables.quotes(cut).to_pydict()
    assert (quotes["answer"], quotes["reason"], quotes["qty_sent"]) == ([None], [None], [Decimal("0.000")])


def test_orders_name_events_sides_and_reasons() -> None:
    orders = tables.orders(recording()).to_pydict()
    assert orders["event"][-2:] == ["rejected", "trading_state"]
    assert orders["reason"][-2:] == ["would_take", "loss_day"]
    assert (orders["side"][-1], orders["price"][-1], orders["trading_state"][-1]) == (None, None, "halted")
    assert FILLED not in orders["event"]


def test_the_split_holds_in_every_row_of_the_table() -> None:
    for row in tables.pnl(recording()).to_pylist():
        assert row["total"] == row["realised"] + row["unrealised"] - row["fees"]
        assert row["total"] == row["spread"] + row["inventory"] - row["fees"]
    assert row["total"] == Decimal("0.0029985")


def test_state_has_no_price_where_a_side_is_empty() -> None:
    state = tables.state(recording()).to_pydict()
    assert state["state"] == ["SYNCING", "VALID", "VALID", "GAP"]
    assert state["mid"] == [None, Decimal("10.10"), Decimal("10.30"), None]


@given(counts=st.lists(st.integers(-(10**5), 10**5)), unit=st.decimals("0.00000001", 10**5, places=8).filter(bool))
def test_decimals_are_exact_and_written_in_full(counts: list[int], unit: Decimal) -> None:
    column = decimals(np.array(counts, np.int64), unit)
    assert column.to_pylist() == [count * unit for count in counts]
    scale = scale_of(unit)
    texts = fixed(pa.chunked_array([column], column.type)).to_pylist()
    assert texts == [f"{count * unit + 0:.{scale}f}" for count in counts]  # + 0: no minus zero


def test_a_number_beyond_63_bits_takes_a_wider_decimal() -> None:
    column = decimals(np.array([2**62, -5]), Decimal(2), scale=1)
    assert (column.type.precision, column.to_pylist()) == (38, [Decimal(2**63), Decimal(-10)])


def test_a_number_too_large_for_a_decimal_stops() -> None:
    with pytest.raises(OverflowError, match="38 digits"):
        decimals(np.array([2**62]), Decimal(10**21))


def test_a_session_folder_is_complete(tmp_path: Path) -> None:
    (tmp_path / "tape").write_bytes(b"rows")
    session = Session(command="backtest", config=Config(), instrument=ETH, inputs=[tmp_path / "tape"], complete=False)
    folder = tmp_path / "new" / "session"
    check_folder(folder)
    write_session(folder, session, recording(), {"fills": 1})
    names = {f"{name}.{kind}" for name in TABLES for kind in ("csv", "parquet")}
    assert {path.name for path in folder.iterdir()} == names | {"manifest.json", "summary.json"}
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["core_digest"], manifest["complete"]) == (CORE_DIGEST, False)
    assert manifest["inputs"] == [{"file": "tape", "sha256": hashlib.sha256(b"rows").hexdigest()}]
    summary = json.loads((folder / "summary.json").read_text())
    assert (summary["fills"], summary["valid_share"], summary["complete"]) == (1, 0.75, False)
    for name in TABLES:
        table = pq.read_table(folder / f"{name}.parquet").to_pylist()
        texts = list(csv.DictReader((folder / f"{name}.csv").read_text().splitlines()))
        assert [list(row) for row in table] == [list(row) for row in texts]
    assert texts  # the last table's rows


def test_csv_has_plain_names_and_fixed_decimals(tmp_path: Path) -> None:
    write_csv(tables.fills(recording()), tmp_path / "fills.csv")
    assert (tmp_path / "fills.csv").read_text().splitlines() == [
        "ts_trade_ns,ts_fill_ns,order_id,side,price,qty,leaves,maker,fee,position,mid",
        f"{T0 + NS_PER_S},{T0 + NS_PER_S},1,buy,10.0,0.010,0.000,true,0.000001500,0.010,10.10",
    ]


def test_a_folder_that_cannot_be_written_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="expected a writable folder"):
        check_folder(tmp_path / "file" / "session")
