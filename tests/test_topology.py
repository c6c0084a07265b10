"""The table of events: one name and one producer for each; who hears what; and roots come from outside."""

import re

import pytest

from mm_bus.topology import subscribers
from mm_core import events as e
from mm_core.events import EVENTS, ROOT_EVENTS
from mm_core.node import Node
from mm_core.setup.config import Config
from mm_core.setup.core import new_core
from mm_core.setup.nodes import new_nodes
from mm_wire import subjects
from mm_wire.subjects import ACCOUNTANT, BOOK_BUILDER, PAPER_EXCHANGE, QUOTER, RISK

EDGES = {subjects.RECORDER, subjects.SEQUENCER, subjects.CONSOLE}
NODES = {BOOK_BUILDER, QUOTER, RISK, PAPER_EXCHANGE, ACCOUNTANT}
ALL = (BOOK_BUILDER, QUOTER, RISK, PAPER_EXCHANGE, ACCOUNTANT)
# Who may hear an event; the archiver and the console hear everything. A node subscribes to what changes its state.
HEARD_BY: dict[tuple[type[e.Event], ...], tuple[str, ...]] = {
    (e.InstrumentDefined, e.FeedStatus): ALL,
    (e.BookSnapshot, e.BookDelta, e.BookTop, e.Trade): (BOOK_BUILDER, QUOTER, PAPER_EXCHANGE),
    (e.Tick,): (BOOK_BUILDER, QUOTER, RISK, PAPER_EXCHANGE),
    (e.OperatorCommand,): (RISK, QUOTER),
    (e.Book,): (QUOTER, RISK, ACCOUNTANT),
    (e.OrderIntent, e.CancelIntent): (RISK,),
    (e.SubmitOrder, e.CancelOrder): (PAPER_EXCHANGE,),
    (e.OrderDenied,): (QUOTER,),
    (
        *(e.OrderAccepted, e.OrderRejected, e.OrderCanceled, e.CancelRejected),
        *(e.OrderExpired, e.OrderFilled),
    ): (QUOTER, RISK, ACCOUNTANT),
    (e.TradingState, e.LimitChanged): (QUOTER, ACCOUNTANT),
    (e.PositionChanged,): (QUOTER, RISK),
}
MAY_HEAR = {kind: nodes for kinds, nodes in HEARD_BY.items() for kind in kinds}


@pytest.fixture(scope="module")
def nodes() -> dict[str, Node]:
    """The nodes of one instrument, by name."""
    instrument = e.InstrumentDefined(
        instrument_id="binance.TEST", ts_ns=0, venue_symbol="TEST", tick_size="0.01", lot_size="0.001"
    )
    return {node.name: node for node in new_nodes(new_core(Config(), instrument), instrument.instrument_id)}


def test_every_event_has_exactly_one_producer() -> None:
    assert {kind: subjects.published_by(kind) in EDGES | NODES for kind in EVENTS} == dict.fromkeys(EVENTS, True)
    assert {subjects.published_by(kind) for kind in EVENTS} == EDGES | NODES  # and nobody has nothing to say


def test_what_comes_from_outside_is_said_by_no_node() -> None:
    assert [kind for kind in EVENTS if subjects.published_by(kind) in EDGES] == list(ROOT_EVENTS)


def test_no_two_events_share_a_name() -> None:
    names = [name for name, _ in subjects.NAMES.values()]
    assert len(set(names)) == len(names) == len(EVENTS)
    assert [name for name in names if not re.fullmatch(r"[a-z]+\.[a-z_]+", name)] == []


def test_the_nodes_are_those_of_the_table_in_the_order_of_their_ranks(nodes: dict[str, Node]) -> None:
    ranks = {node.name: node.rank for node in nodes.values()}
    assert ranks == {PAPER_EXCHANGE: 0, BOOK_BUILDER: 1, QUOTER: 2, RISK: 3, ACCOUNTANT: 4}


def test_a_node_says_only_what_is_its_own(nodes: dict[str, Node]) -> None:
    foreign = [
        (node.name, kind)
        for node in nodes.values()
        for kind in node.outputs
        if subjects.published_by(kind) != node.name
    ]
    assert foreign == []


def test_a_node_hears_only_what_it_may_and_nothing_that_nobody_says(nodes: dict[str, Node]) -> None:
    assert tuple(MAY_HEAR) == EVENTS
    heard = [(node.name, kind) for node in nodes.values() for kind in node.inputs]
    assert [each for each in heard if each[0] not in MAY_HEAR[each[1]]] == []
    said = {*ROOT_EVENTS, *(kind for node in nodes.values() for kind in node.outputs)}
    assert [each for each in heard if each[1] not in said] == []


def test_the_book_builder_takes_the_venue_s_own_top_only_to_decide_on_it(nodes: dict[str, Node]) -> None:
    assert [node.name for node in nodes.values() if e.BookTop in node.inputs] == ["paper_exchange"]
    assert subscribers("touch")["BookTop"] == ("paper_exchange",)
    assert subscribers("top")["BookTop"] == ("paper_exchange", "book_builder")
