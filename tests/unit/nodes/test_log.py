"""The nodes together: the order of their log, checkpoints, and the log on disk."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow.parquet as pq
import pytest
from tests.unit.nodes.events import (
    ACCOUNTANT,
    INSTRUMENT,
    MS,
    NAME,
    QUOTER,
    book,
    config,
    core,
    delta,
    intent,
    market,
    node,
    snapshot,
    status,
    terms,
    tick,
    trade,
)

from mm_core import events as e
from mm_core import messages as m
from mm_core.node import Node
from mm_core.setup.nodes import new_nodes
from mm_core.types import Command, IntegrityError, Side
from mm_research.log_rows import LogRows
from mm_research.memory_log import MemoryLog
from mm_research.recording import Recording
from mm_research.session import Session, write_session
from mm_store.log_file import writing_log
from mm_store.log_read import log_files, read_log


def operator(ts_ns: int, kind: Command, key: str = "", value: str = "") -> e.OperatorCommand:
    return e.OperatorCommand(ts_ns=ts_ns, local_ns=ts_ns, command=kind, key=key, value=value)


COMMANDS = {
    100: (Command.SET, "quoter.order_qty_base", "0.020"),
    200: (Command.SET, "risk.order_max_base", "0.011"),
    400: (Command.FLATTEN,),
    900: (Command.SET, "quoter.levels", "1"),
    1_000: (Command.RESUME,),
    1_200: (Command.FLATTEN,),
    1_600: (Command.RESUME,),
    1_800: (Command.HALT,),
    1_900: (Command.SET, "fixed_spread.half_spread_ticks", "1.5"),
    2_000: (Command.REDUCE,),
    2_200: (Command.RESUME,),
    2_300: (Command.SET, "risk.collar_bps", "1"),
    2_400: (Command.FLATTEN,),
    2_500: (Command.HALT,),
    2_600: (Command.FLATTEN,),
}


def roots(commands: Mapping[int, Any]) -> list[e.Event]:
    """A market in which both quotes fill, with these commands of the operator (ms)."""
    events: list[e.Event] = [snapshot(50 * MS), status(50 * MS)]
    for at in range(100, 3_000, 100):
        events += [
            tick(at * MS),
            trade(at * MS + 30 * MS, Side(at // 100 % 2), 99 + 2 * (1 - at // 100 % 2), 9),
            *([operator(at * MS + 45 * MS, *commands[at])] if at in commands else []),
            delta(at * MS + 60 * MS, bids=[(99 - at % 3, 4 + at % 7)], asks=[(101 + at % 2, 3 + at % 5)]),
        ]
    return events


ROOTS = roots({})
CHAIN = {
    "quoter": {"order_qty_base": Decimal("0.004"), "position_max_base": Decimal("0.008"), "levels": 2},
    "fixed_spread": {"half_spread_ticks": 1.0},
    "exchange": {"entry_ms": Decimal(5), "response_ms": Decimal(5)},
}


def run(nodes: list[Node], roots: Sequence[e.Event]) -> list[e.Event]:
    log: list[e.Event] = []
    memory = MemoryLog(nodes, log.append)
    for root in roots:
        memory.append(root)
    return log


@pytest.mark.parametrize("commands", [{}, COMMANDS], ids=["quoting", "with an operator"])
def test_a_node_continues_from_its_checkpoint_as_if_it_had_never_stopped(commands: dict[int, Any]) -> None:
    tape = roots(commands)
    whole = run(new_nodes(core(**CHAIN), NAME), tape)
    assert any(isinstance(event, e.OrderFilled) for event in whole)
    for at in range(1, len(tape)):
        nodes = new_nodes(core(**CHAIN), NAME)
        head = run(nodes, tape[:at])
        restarted = new_nodes(core(**CHAIN), NAME)
        for old, new in zip(nodes, restarted, strict=True):
            new.load(old.dump())
        assert repr(head + run(restarted, tape[at:])) == repr(whole)  # a NaN is not equal to itself


def test_a_log_with_commands_makes_the_tables_of_a_session(tmp_path: Path) -> None:
    log = run(new_nodes(core(**CHAIN), NAME), roots(COMMANDS))
    rows = LogRows()
    for event in log:
        rows.take(event)
    messages, samples = rows.rows()
    states = messages[messages["kind"] == m.TRADING_STATE]
    assert len(states) == sum(command[0] != Command.SET for command in COMMANDS.values())
    for kind, event_type in (
        (m.SUBMIT, e.SubmitOrder),
        (m.CANCEL, e.CancelOrder),
        (m.DENIED, e.OrderDenied),
        (m.CANCELED, e.OrderCanceled),
        (m.EXPIRED, e.OrderExpired),
        (m.FILLED, e.OrderFilled),
    ):
        counted = sum(isinstance(event, event_type) for event in log)
        assert np.count_nonzero(messages["kind"] == kind) == counted > 0, event_type
    taken = messages[(messages["kind"] == m.FILLED) & (messages["maker"] == 0)]
    assert len(taken) > 0
    recording = Recording(INSTRUMENT, messages, samples)  # checks the account and the split of the result
    write_session(tmp_path, Session(command="paper", config=config(**CHAIN), instrument=INSTRUMENT), recording, {})
    table = pq.read_table(tmp_path / "orders.parquet")
    assert {"expired", "canceled", "trading_state"} <= set(table["event"].to_pylist())
    assert {"halted", "reducing", "active"} <= set(table["trading_state"].to_pylist())


def test_a_checkpoint_of_another_layout_is_refused() -> None:
    with pytest.raises(ValueError, match=r"quoter: 3 bytes of state, expected \d+"):
        node(QUOTER).load(b"old")


def echo(name: str, rank: int, inputs: type[e.Event], outputs: type[e.Event], answers: list[e.Event]) -> Node:
    """A node that answers everything with the same."""
    state = node(ACCOUNTANT).state
    return Node(name=name, rank=rank, inputs=(inputs,), outputs=(outputs,), step=lambda _: answers, state=state)


def test_the_log_appends_outputs_breadth_first_in_order_of_rank_and_index() -> None:
    first, second = intent(0, 1, Side.BUY, 98), intent(0, 2, Side.SELL, 102)
    denied = e.OrderDenied(**market(0), **terms(1), reason=1)
    nodes = [
        echo("late", 9, e.Tick, e.OrderDenied, [denied]),
        echo("early", 2, e.Tick, e.OrderIntent, [first, second]),
        echo("subscriber", 3, e.OrderIntent, e.Book, [book(0)]),
    ]
    root = tick(0)
    assert run(nodes, [root]) == [root, first, second, denied, book(0), book(0)]


def test_a_node_that_publishes_what_is_not_its_own_stops_the_log() -> None:
    liar = echo("liar", 1, e.Tick, e.OrderIntent, [book(0)])
    with pytest.raises(AssertionError, match="liar may not publish Book"):
        run([liar], [tick(0)])


def test_a_log_is_read_as_it_was_written(tmp_path: Path) -> None:
    log = run(new_nodes(core(**CHAIN), NAME), ROOTS)
    with writing_log(tmp_path) as write:
        for event in log:
            write(event)
    assert [msgspec.msgpack.encode(event) for event in read_log(tmp_path)] == [
        msgspec.msgpack.encode(event) for event in log
    ]


def test_a_log_that_was_not_finished_is_not_there(tmp_path: Path) -> None:
    def interrupted() -> None:
        with writing_log(tmp_path) as write:
            write(tick(0))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not list(tmp_path.iterdir())


def test_a_damaged_log_is_one_clear_line(tmp_path: Path) -> None:
    with writing_log(tmp_path) as write:
        write(tick(0))
    file = log_files(tmp_path)[0]
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    with pytest.raises(IntegrityError, match="damaged from 1 on"):
        list(read_log(tmp_path))
