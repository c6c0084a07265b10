"""Generated markets: nodes, event by event, and compiled loop, over the tape, decide the same, byte for byte."""

import os
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.parity.harness import assert_equal, by_loop, by_nodes, small
from tests.parity.markets import INSTRUMENT, Market, configs, moves

from mm_core.compiled import JIT
from mm_core.events import Tick
from mm_core.setup.config import Config, to_config
from mm_core.setup.core import new_core

EXAMPLES = int(os.environ.get("PARITY_EXAMPLES", "300"))
WIDTH, FAR = 128, 64


@settings(max_examples=EXAMPLES)
@given(configs(), moves, st.integers(1, 4))
def test_nodes_and_loop_decide_the_same(config: Config, drawn: list[Any], rounds: int) -> None:
    core = small(new_core(config, INSTRUMENT), WIDTH, FAR)
    events = Market().events(drawn * rounds)
    nodes, _ = by_nodes(core, INSTRUMENT.instrument_id, events)
    assert_equal(nodes, by_loop(core, INSTRUMENT, events))


@pytest.mark.skipif(not JIT, reason="thousands of Ticks: minutes in plain Python")
@pytest.mark.parametrize("silence_ms", [599_900, 600_000, 1_500_030, 3_599_999])
def test_a_long_silence_has_few_ticks_alike(silence_ms: int) -> None:
    """Ten minutes of Ticks, then one a minute; behind the silence they are dense again at once."""
    config: Config = to_config({"book": {"stale_ms": 700_000}, "quoter": {"order_qty_base": "0.004"}}, strict=False)
    core = small(new_core(config, INSTRUMENT), WIDTH, FAR)
    at_once: Any = ("trade", 10, 0, [(0, 1)], 0)
    events = Market().events([at_once, ("trade", silence_ms, 0, [(0, 1)], 1), ("delta", 250, 0, [(0, 3), (0, 4)], 5)])
    nodes, log = by_nodes(core, INSTRUMENT.instrument_id, events)
    assert_equal(nodes, by_loop(core, INSTRUMENT, events))
    sparse = max(0, (silence_ms - 600_000) // 60_000)
    ticks = sum(isinstance(event, Tick) for event in log)
    assert ticks == pytest.approx(min(silence_ms, 600_000) / 100 + sparse, abs=6)
