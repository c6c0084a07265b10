"""A log's chain: what is changed, left out, added or moved no longer fits its name."""

from hypothesis import given
from hypothesis import strategies as st

from mm_wire.chain import FIRST, name_of

MESSAGES = st.lists(st.tuples(st.text("abc:1 ", max_size=6), st.binary(max_size=6)), min_size=2, max_size=8)


def names(messages: list[tuple[str, bytes]]) -> list[str]:
    before, made = FIRST, []
    for label, data in messages:
        before = name_of(before, label, data)
        made.append(before)
    return made


def test_a_name_is_sixteen_hex_digits_that_never_change() -> None:
    # printf " recorder:1:0 1 w\n\x81" | b2sum -l 64
    assert name_of(FIRST, "recorder:1:0 1 w", b"\x81") == "004f02c18d8c5202"


@given(MESSAGES, st.data())
def test_every_name_behind_a_change_is_another_one(messages: list[tuple[str, bytes]], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(messages) - 1))
    label, content = messages[at]
    changed = [*messages[:at], (label, content + b"\0"), *messages[at + 1 :]]
    before, after = names(messages), names(changed)
    assert before[:at] == after[:at]
    assert all(one != other for one, other in zip(before[at:], after[at:], strict=True))


@given(MESSAGES, st.data())
def test_a_message_that_is_left_out_breaks_the_next_name(
    messages: list[tuple[str, bytes]], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(messages) - 2))
    label, content = messages[at + 1]
    chain = names(messages)
    before = chain[at - 1] if at else FIRST
    assert name_of(before, label, content) != chain[at + 1]
