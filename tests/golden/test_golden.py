"""The decisions on one small market, written down: a change of trading behaviour shows as a change of these files.

`tape.jsonl` holds the first seconds of the synthetic sample. A case is a folder with its `config.toml`; its
`decisions.jsonl` holds all outputs of the nodes. `make golden` rewrites them.
"""

import tomllib
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from mm_core.events import AnyEvent, Event, InstrumentDefined, OrderFilled, Root, RootEvent
from mm_core.setup.config import Config, to_config
from mm_core.setup.core import new_core
from mm_core.setup.nodes import new_nodes
from mm_core.stamper import Stamper
from mm_research.memory_log import MemoryLog

FOLDER = Path(__file__).parent
CASES = sorted(path.parent for path in FOLDER.glob("*/config.toml"))


def tape() -> list[RootEvent]:
    """The market."""
    decoder = msgspec.json.Decoder(AnyEvent)
    events = [decoder.decode(line) for line in (FOLDER / "tape.jsonl").read_bytes().splitlines()]
    return [event for event in events if isinstance(event, RootEvent)]


def decisions(case: Path) -> list[Event]:
    """The outputs of the nodes, in the order of the log."""
    roots = tape()
    instrument = roots[0]
    assert isinstance(instrument, InstrumentDefined)
    config: Config = to_config(tomllib.loads((case / "config.toml").read_text(), parse_float=Decimal))
    core = new_core(config, instrument)
    log: list[Event] = []
    memory = MemoryLog(new_nodes(core, instrument.instrument_id), log.append)
    stamper = Stamper(core.period_ns, core.offset_ns)
    for root in roots:
        for stamped in stamper.stamp(root):
            memory.append(stamped)
    for last in stamper.finish():
        memory.append(last)
    return [event for event in log if not isinstance(event, Root)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_decisions_are_unchanged(case: Path, pytestconfig: pytest.Config) -> None:
    outputs = decisions(case)
    assert any(isinstance(event, OrderFilled) for event in outputs)
    text = "".join(msgspec.json.encode(event).decode() + "\n" for event in outputs)
    if pytestconfig.getoption("--update-golden"):
        (case / "decisions.jsonl").write_text(text)
    assert text == (case / "decisions.jsonl").read_text()
