"""What a recorder counts beyond the life of its process."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from mm_services.recorder.state import Counted, Seen, added_counts
from mm_store.ws_lines import LeftOut
from mm_venues.feed_counts import FeedCounts

NONE: dict[str, Any] = dict.fromkeys(FeedCounts.__struct_fields__, 0) | {"dropped": {}, "other": {}}


def counts(**given: Any) -> FeedCounts:
    """Counts that are 0 but for these."""
    return msgspec.convert(NONE | given, FeedCounts)


def test_counts_add_up_and_are_taken_off_again() -> None:
    one = counts(trades=3, gaps=1, dropped={"old": 2}, other={"kline": 1})
    other = counts(trades=4, depth_received=7, dropped={"old": 1, "gap": 5})
    both = added_counts(one, other)
    assert both == counts(trades=7, gaps=1, depth_received=7, dropped={"old": 3, "gap": 5}, other={"kline": 1})
    assert added_counts(both, other, -1) == one


def test_a_second_process_continues_the_counts_of_the_first(tmp_path: Path) -> None:
    path = tmp_path / "session" / "recorder_main.json"
    bad = {"bad frame": LeftOut(count=2, first="a:1")}
    first = Counted(path)
    first.save(Seen(feed=counts(trades=9)))
    assert not path.exists()  # not before the log is open
    first.open(1)
    first.save(Seen(feed=counts(trades=3), frames=10, left_out=bad, failures=["a"], first_ns=5, shift_ns=-7))
    second = Counted(path)
    second.open(11)
    more = {"bad frame": LeftOut(count=1, first="a:9"), "no receive time": LeftOut(count=1, first="a:8")}
    total = second.total(Seen(feed=counts(trades=1), frames=2, left_out=more, failures=["b", "a"], first_ns=8))
    assert (total.feed.trades, total.frames, total.first_ns, total.shift_ns, total.starts) == (4, 12, 5, -7, 2)
    assert total.left_out == {
        "bad frame": LeftOut(count=3, first="a:1"),
        "no receive time": LeftOut(count=1, first="a:8"),
    }
    assert total.failures == ["a", "b"]
    assert list(path.parent.iterdir()) == [path]


def test_a_new_log_begins_anew_whatever_lies_there(tmp_path: Path) -> None:
    path = tmp_path / "recorder_main.json"
    first = Counted(path)
    first.open(1)
    first.save(Seen(feed=counts(trades=3)))
    again = Counted(path)
    again.open(1)
    assert again.before is None
    assert again.not_known == ""


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "No such file or directory"), (b"", "Input data was truncated"), (b'{"feed":1}', "Expected `object`")],
)
def test_counts_that_are_lost_or_torn_are_reported(tmp_path: Path, content: bytes | None, reason: str) -> None:
    path = tmp_path / "recorder_main.json"
    if content is not None:
        path.write_bytes(content)
    counted = Counted(path)
    counted.open(2)
    assert counted.before is None
    assert counted.not_known.startswith(f"the counts before the recorder's restart are not known: {path}: {reason}")


def test_a_folder_that_takes_nothing_costs_one_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_bytes(b"")
    counted = Counted(tmp_path / "file" / "recorder_main.json")
    counted.open(1)
    for _ in range(3):
        counted.save(Seen(feed=counts()))
    assert [record.levelname for record in caplog.records] == ["WARNING"]
