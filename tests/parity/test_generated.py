"""Generated markets: nodes, event by event, and compiled loop, over the tape, decide the same, byte for byte."""

import os
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.parity.harness import assert_equal, by_loop, by_nodes, small
from tests.parity.markets import INSTRUMENT, Market, configs, moves

from mm_core.setup.config import Config
from mm_core.setup.parts import new_parts

EXAMPLES = int(os.environ.get("PARITY_EXAMPLES", "300"))
WIDTH, FAR = 128, 64


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(configs(), moves, st.integers(1, 4))
def test_nodes_and_loop_decide_the_same(config: Config, drawn: list[Any], rounds: int) -> None:
    parts = small(new_parts(config, INSTRUMENT), WIDTH, FAR)
    events = Market().events(drawn * rounds)
    nodes, _ = by_nodes(parts, INSTRUMENT.instrument_id, events)
    assert_equal(nodes, by_loop(parts, INSTRUMENT, events))
