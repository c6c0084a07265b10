"""What stands beside each event of a log."""

import pytest

from mm_bus.label import HEADER, Label


@pytest.mark.parametrize("source", ["quoter", "crypto-mm.1f", "recorder", "a:b"])
def test_a_label_is_read_as_it_was_written(source: str) -> None:
    label = Label(source, 17, 2, 12, "writer")
    assert Label.of({HEADER: label.text}) == Label.parse(label.text) == label


@pytest.mark.parametrize("headers", [None, {}, {HEADER: ""}])
def test_a_message_without_label_is_of_no_sequencer(headers: dict[str, str] | None) -> None:
    with pytest.raises(AssertionError, match="not of a sequencer"):
        Label.of(headers)
