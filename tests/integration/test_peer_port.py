"""The port of hftbacktest's venue (tests/bench/peer_port.py), its defects left out, is equal to our engine.

`tests/bench/peer_partial.py` shows on large data that the port with the defects is equal to hftbacktest itself.
"""

from decimal import Decimal
from importlib import import_module
from json import loads
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from mm_cli.app import app
from mm_research.bench import Job, bench

ROWS = 20_000
MODELS = ("risk_averse", "power_prob:3", "power_prob:2", "power_prob_2:3", "power_prob_3:1.5", "log_prob", "log_prob_2")


@pytest.fixture
def port(pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What the scripts of tests/bench share."""
    monkeypatch.syspath_prepend(pytestconfig.rootpath / "tests" / "bench")
    return import_module("peer_cases")


@pytest.fixture(params=["in order", "out of order"])
def tape(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A generated market of ticks of 0.1 and lots of 0.01: levels of some base, orders that fills leave in parts.

    Out of order, venue and strategy see the rows in two orders.
    """
    random = np.random.default_rng(11)
    exch_ns = 10**18 + np.cumsum(random.choice([0, 1, 3, 7, 20], ROWS)) * 1_000_000
    received_ns = exch_ns + random.integers(1, 9, ROWS) * 1_000_000
    local_ns = np.maximum.accumulate(received_ns) if request.param == "in order" else received_ns
    middle = 1_000 + np.cumsum(random.choice([-1, 0, 1], ROWS, p=[0.01, 0.98, 0.01]))
    is_trade = random.random(ROWS) < 0.2
    side = random.choice([-1, 1], ROWS)
    depth_ticks = middle - side * random.integers(1, 6, ROWS)
    trade_ticks = middle + side * random.choice([1, 1, 1, 2], ROWS)  # a buyer pays an ask
    lots = np.where(is_trade, random.integers(1, 200, ROWS), random.integers(0, 900, ROWS))
    lots[~is_trade & (random.random(ROWS) < 0.15)] = 0
    columns = {
        "exch_ts_ns": exch_ns,
        "local_ts_ns": local_ns,
        "side": side.astype(np.int8),
        "price": np.where(is_trade, trade_ticks, depth_ticks) / 10,
        "qty": lots / 100,
        "kind": is_trade.astype(np.int8),
    }
    path = tmp_path / "tape.parquet"
    pq.write_table(pa.table(columns), path)
    return path


@pytest.mark.parametrize("partial_fills", [False, True])
def test_the_port_without_its_defects_has_our_results(port: Any, tape: Path, partial_fills: bool) -> None:
    market = port.Market("generated", port.Source(tape, "0.1", "0.01"), port.read_columns(tape), tape)
    terms = port.Terms("0.1", "0.01", "0.75", "7.5")
    for queue in MODELS:
        job = Job(
            tick="0.1", lot="0.01", queue=queue, qty_base=Decimal("0.75"), position_max_base=Decimal("7.5"),
            partial_fills=partial_fills,
        )  # fmt: skip
        ours = bench(tape, job, repeat=1)
        rules = port.Rules(queue, partial_fills, exact_stays=False, whole_only=False, nan_to_back=False)
        found = port.by_port(market, terms, rules._replace(quantity_once=True))
        assert port.differences(found, ours, "0.01") == [], queue
        assert found["fills"] > 100
        assert (found["partials"] > 20) == partial_fills


@pytest.mark.parametrize(
    "rule", [{"exact_stays": True}, {"whole_only": True}, {"nan_to_back": True}, {"quantity_once": False}], ids=str
)
def test_each_rule_of_the_port_counts(port: Any, tape: Path, rule: dict[str, bool]) -> None:
    market = port.Market("generated", port.Source(tape, "0.1", "0.01"), port.read_columns(tape), tape)
    terms = port.Terms("0.1", "0.01", "0.75", "7.5")
    rules = port.Rules("log_prob", True, exact_stays=False, whole_only=False, nan_to_back=False, quantity_once=True)
    assert port.differences(
        port.by_port(market, terms, rules), port.by_port(market, terms, rules._replace(**rule)), "0.01"
    )


@pytest.mark.parametrize("queue", ["log_prob", "log_prob_2", "power_prob_2:3", "power_prob_3:1.5"])
def test_the_command_takes_every_model_and_partial_fills(port: Any, tape: Path, queue: str) -> None:
    arguments = ["bench", "--tape", str(tape), "--tick", "0.1", "--lot", "0.01", "--qty", "0.75", "--maxpos", "7.5"]
    arguments += ["--queue", queue, "--partial-fills", "--repeat", "1", "--json"]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    job = Job(
        tick="0.1", lot="0.01", queue=queue, qty_base=Decimal("0.75"), position_max_base=Decimal("7.5"),
        partial_fills=True,
    )  # fmt: skip
    assert port.differences(loads(done.stdout.splitlines()[-1]), bench(tape, job, repeat=1), "0.01") == []
