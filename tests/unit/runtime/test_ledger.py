"""The ledger by example; `tests/property/test_ledger.py` has what holds for all trees."""

import pytest

from mm_services.sequencer.ledger import Ledger, LogDiffersError, Output
from mm_wire.chain import Entry

SUBSCRIBERS = {"Root": ("first", "second"), "Leaf": (), "Branch": ("second",)}


def test_answers_come_in_the_order_of_ranks_and_not_of_reports() -> None:
    ledger = Ledger(SUBSCRIBERS)
    ledger.appended(1, "Root")
    assert ledger.report("second", 1, [b"c"])
    assert ledger.pop() is None
    assert ledger.waits_for() == (1, ["first"])
    assert ledger.report("first", 1, [b"a", b"b"])
    assert ledger.pop() == [Output(1, "first", 0, b"a"), Output(1, "first", 1, b"b"), Output(1, "second", 0, b"c")]
    assert ledger.is_quiescent


def test_a_childs_report_may_overtake_its_parents() -> None:
    ledger = Ledger(SUBSCRIBERS)
    ledger.appended(1, "Root")
    ledger.appended(2, "Branch")
    assert ledger.report("second", 2, [b"child"])
    assert ledger.pop() is None
    assert ledger.report("first", 1, [])
    assert ledger.report("second", 1, [])
    assert ledger.pop() == []
    assert ledger.pop() == [Output(2, "second", 0, b"child")]


def test_what_no_node_subscribes_to_is_finished_at_once() -> None:
    ledger = Ledger(SUBSCRIBERS)
    ledger.appended(1, "Leaf")
    assert ledger.is_quiescent
    assert ledger.pop() is None


@pytest.mark.parametrize(("node", "seq"), [("first", 2), ("third", 1), ("first", 1)])
def test_a_report_for_which_nobody_waits_changes_nothing(node: str, seq: int) -> None:
    ledger = Ledger(SUBSCRIBERS)
    ledger.appended(1, "Root")
    assert ledger.report("first", 1, [])
    assert not ledger.waits(node, seq)
    assert not ledger.report(node, seq, [b"a"])
    assert ledger.report("second", 1, [])
    assert ledger.pop() == []


def test_an_empty_log_is_quiescent() -> None:
    ledger = Ledger(SUBSCRIBERS)
    ledger.rebuild([])
    assert ledger.is_quiescent


def test_a_log_cut_within_the_answers_to_one_event_is_continued() -> None:
    ledger = Ledger(SUBSCRIBERS)
    ledger.rebuild([Entry(5, "Root", 0, b"root"), Entry(6, "Branch", 5, b"a")])
    ledger.report("first", 5, [b"a", b"b"])
    ledger.report("second", 5, [b"c"])
    assert ledger.pop() == [Output(5, "first", 1, b"b"), Output(5, "second", 0, b"c")]
    assert ledger.waits_for() == (6, ["second"])


def test_outputs_for_what_no_node_subscribes_to_are_of_another_core() -> None:
    with pytest.raises(LogDiffersError, match="outputs for 5, to which no node subscribes"):
        Ledger(SUBSCRIBERS).rebuild([Entry(5, "Leaf", 0, b"root"), Entry(6, "Branch", 5, b"a")])
