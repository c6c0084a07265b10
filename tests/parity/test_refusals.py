"""Markets in which an order is refused or worn down: requested once, the same by the nodes and by a backtest."""

from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mm_core import events as e
from mm_core.risk.reason import Reason
from mm_core.setup.config import Config, to_config
from mm_core.types import TradeState
from mm_research.backtest import backtest
from mm_research.importer import import_ws_lines
from mm_research.paper import paper
from mm_store.log_read import log_files, read_log
from mm_store.tape import read_tape
from mm_store.ws_lines import WsLines
from mm_venues.binance.define import define

QUOTES = {"fixed_spread": {"half_spread_ticks": 0.5}}


@pytest.fixture(scope="session")
def cases(pytestconfig: pytest.Config) -> Path:
    """Small recordings that went wrong somewhere, beside the repository; skipped where they are absent."""
    folder = pytestconfig.rootpath.parent / "shared" / "cases"
    if not folder.is_dir():
        pytest.skip("no recorded cases: ../shared/cases is absent")
    return folder


def played(file: Path, sections: dict[str, Any], out: Path, exchange_info: Path | None = None) -> list[e.AnyEvent]:
    """The log of a paper session, which a backtest of the imported recording repeats."""
    lines = WsLines([file])
    sizes = {} if exchange_info else {"tick": "0.1", "lot": "0.001"}
    defined = define("BTCUSDT", lines, exchange_info=exchange_info, **sizes)
    config: Config = to_config(QUOTES | sections)
    session = paper(lines, defined.instrument, config, out / "paper")
    import_ws_lines(lines, defined, out / "data", lambda _done, _total: None)
    tape = read_tape(sorted((out / "data").rglob("*.parquet")))
    repeated = backtest(tape, tape.instrument, config)
    assert repeated.recording.digests() == session.recording.digests()
    return list(read_log(out / "paper"))


def denied(log: list[e.AnyEvent]) -> Counter[Reason]:
    return Counter(Reason(event.reason) for event in log if isinstance(event, e.OrderDenied))


def test_an_hour_of_a_halted_session_asks_for_nothing(cases: Path, tmp_path: Path) -> None:
    risk = {"risk": {"loss_session_max_quote": Decimal("0.01")}, "quoter": {"order_qty_base": Decimal("0.1")}}
    log = played(cases / "hour_halt.txt.gz", risk, tmp_path)
    (halted,) = [at for at, event in enumerate(log) if isinstance(event, e.TradingState)]
    assert log[halted].state == TradeState.HALTED  # type: ignore[union-attr]
    assert not [event for event in log[halted:] if isinstance(event, e.OrderIntent | e.CancelIntent)]
    assert denied(log) == {Reason.HALTED: 2}  # the intents on the very book that halted
    assert sum(path.stat().st_size for path in log_files(tmp_path / "paper")) < 40 * len(log)  # bytes


def test_a_rest_that_is_worn_down_is_replenished_once(cases: Path, tmp_path: Path) -> None:
    log = played(cases / "dust.txt.gz", {"quoter": {"order_qty_base": Decimal("0.1")}}, tmp_path)
    intents = [(event.order_id, event.qty_lots) for event in log if isinstance(event, e.OrderIntent)]
    assert intents == [(1, 100), (2, 100), (3, 99)]
    assert denied(log) == {}


def test_without_replenishing_it_stays_as_it_is(cases: Path, tmp_path: Path) -> None:
    quoter = {"order_qty_base": Decimal("0.1"), "replenish_below": 0.0}
    log = played(cases / "dust.txt.gz", {"quoter": quoter}, tmp_path)
    assert [event.order_id for event in log if isinstance(event, e.OrderIntent)] == [1, 2]


def test_orders_that_are_worth_too_little_are_blocked_once_a_side(cases: Path, tmp_path: Path) -> None:
    info = cases / "notional_exchange_info.json"
    log = played(cases / "notional.txt.gz", {"quoter": {"order_qty_base": Decimal("0.001")}}, tmp_path, info)
    assert denied(log) == {Reason.MIN_NOTIONAL: 2}
    assert not [event for event in log if isinstance(event, e.SubmitOrder | e.OrderFilled)]
