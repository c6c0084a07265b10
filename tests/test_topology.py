"""The table of events: one name and one producer for each, and roots come from outside."""

import re

from mm_core.events import EVENTS, ROOT_EVENTS
from mm_wire import subjects

EDGES = {subjects.RECORDER, subjects.SEQUENCER, subjects.CONSOLE}
NODES = {subjects.BOOK_BUILDER, subjects.QUOTER, subjects.RISK, subjects.PAPER_EXCHANGE, subjects.ACCOUNTANT}


def test_every_event_has_exactly_one_producer() -> None:
    assert {kind: subjects.said_by(kind) in EDGES | NODES for kind in EVENTS} == dict.fromkeys(EVENTS, True)
    assert {subjects.said_by(kind) for kind in EVENTS} == EDGES | NODES  # and nobody has nothing to say


def test_what_comes_from_outside_is_said_by_no_node() -> None:
    assert [kind for kind in EVENTS if subjects.said_by(kind) in EDGES] == list(ROOT_EVENTS)


def test_no_two_events_share_a_name() -> None:
    names = [name for name, _ in subjects.NAMES.values()]
    assert len(set(names)) == len(names) == len(EVENTS)
    assert [name for name in names if not re.fullmatch(r"[a-z]+\.[a-z_]+", name)] == []
