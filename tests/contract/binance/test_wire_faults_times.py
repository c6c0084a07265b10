"""Faults of times: exchange times that go back, leap seconds, summer time, midnight in a burst, and torn recordings."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from tests.venue.market import FIRST_NS, book, diff, short
from tests.venue.play import replayed

from mm_core.events import BookDelta, RootEvent
from mm_core.types import NS_PER_S, InputError
from mm_research.importer import import_ws_lines
from mm_store.frames import DAY_NS, FrameWriter
from mm_store.ws_lines import WsLines
from mm_venues import control
from mm_venues.binance.define import define
from mm_venues.binance.parse import to_ns
from mm_venues.frame_error import FrameError

MS = 1_000_000
HOUR_MS = 3_600_000
MIDNIGHT_NS = (FIRST_NS // DAY_NS + 1) * DAY_NS
Frames = list[tuple[int, bytes]]


def at_time(update_id: int, time_ms: int | str) -> bytes:
    """A diff of one update id with that E."""
    whole = json.loads(diff(update_id, update_id))
    whole["data"]["E"] = time_ms
    return json.dumps(whole).encode()


def write(folder: Path, frames: Frames) -> Path:
    """Record frames."""
    with FrameWriter(folder, "ETHUSDT") as writer:
        for recv_ns, frame in frames:
            writer.write(recv_ns, frame)
    return folder


def read(folder: Path) -> Frames:
    """All recorded frames in the order of their files."""
    return [(recv_ns, frame.rstrip(b"\n")) for recv_ns, frame in WsLines(sorted(folder.glob("*.ws.gz")))]


def applied(events: list[RootEvent]) -> list[int]:
    """The update ids of the diffs that became events, in order."""
    return [event.update_id for event in events if isinstance(event, BookDelta)]


@pytest.mark.parametrize(
    "shifts_ms",
    [
        pytest.param([0, -1, -HOUR_MS, 0, -5, 0], id="backwards"),
        pytest.param([0, 1_000, 0, 1_000, 2_000, 2_000], id="second repeated"),  # as a leap second makes it
        pytest.param([0, 0, HOUR_MS, 0, 0, 0], id="an hour ahead once"),
    ],
)
def test_order_is_that_of_arrival_whatever_the_exchange_times_are(shifts_ms: list[int], tmp_path: Path) -> None:
    begin_ms = FIRST_NS // MS
    frames = [(FIRST_NS, book(0))]
    frames += [
        (FIRST_NS + at * 100 * MS, at_time(at + 1, begin_ms + at * 100 + shift)) for at, shift in enumerate(shifts_ms)
    ]
    events = replayed(read(write(tmp_path, frames)))
    assert applied(events) == [1, 2, 3, 4, 5, 6]
    assert "GAP" not in short(events)
    assert read(tmp_path) == frames  # stored as they came


@pytest.mark.parametrize("text", ["2016-12-31T23:59:60Z", "23:59:60", "1790000000.123"])
def test_a_time_as_text_is_a_bad_frame_and_not_the_end(text: str) -> None:
    good = [(FIRST_NS, diff(1, 1)), (FIRST_NS, book(0))]
    with pytest.raises(FrameError, match=r"Expected `int`, got `str`"):
        replayed([*good, (FIRST_NS + MS, at_time(2, text))])
    lost = control.disconnected("bad frame", at_time(2, text))
    events = replayed([*good, (FIRST_NS + MS, lost), (FIRST_NS + MS, diff(3, 3)), (FIRST_NS + MS, book(2))])
    assert short(events).endswith("GAP1 SYNCING2 snapshot2 3-3 VALID2")


def test_a_leap_second_is_no_time_of_day_for_a_window() -> None:
    from mm_cli.record import _until

    with pytest.raises(InputError, match="expected a time of day in UTC"):
        _until("23:59:60Z", datetime(2016, 12, 31, 12, 0, tzinfo=UTC))


def test_milliseconds_and_microseconds_are_one_time_and_anything_else_is_refused() -> None:
    assert to_ns(1_790_000_000_123) == to_ns(1_790_000_000_123_000) == 1_790_000_000_123_000_000
    in_ms, in_us = ([(FIRST_NS, book(0)), (FIRST_NS, at_time(1, FIRST_NS // unit))] for unit in (MS, 1_000))
    assert replayed(in_ms) == replayed(in_us)
    for unit in (NS_PER_S, 1):
        with pytest.raises(FrameError, match=r"expected 13 digits \(ms\) or 16 digits \(us\)"):
            replayed([(FIRST_NS, at_time(1, FIRST_NS // unit))])


@pytest.fixture
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A time zone with summer time for this process."""
    name = str(request.param)
    monkeypatch.setenv("TZ", name)
    time.tzset()
    assert time.daylight
    yield name
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("zone", "change"),
    [
        ("Europe/Berlin", datetime(2026, 10, 25, 1, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2027, 3, 28, 1, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 11, 1, 6, tzinfo=UTC)),
    ],
    indirect=["zone"],
)
@pytest.mark.usefixtures("zone")
def test_summer_time_moves_no_file_no_day_and_no_window(change: datetime, tmp_path: Path) -> None:
    from mm_cli.record import _until

    begin_ns = int(change.timestamp()) * NS_PER_S
    hours = range(-26, 25)
    times_ns = [begin_ns + hour * 3_600 * NS_PER_S for hour in hours]
    frames = [(times_ns[0], diff(1, 1)), (times_ns[0], book(0))]
    frames += [(recv_ns, at_time(at + 2, recv_ns // MS)) for at, recv_ns in enumerate(times_ns)]
    days = sorted({f"{datetime.fromtimestamp(recv_ns // NS_PER_S, UTC):%Y%m%d}" for recv_ns in times_ns})
    paths = sorted(write(tmp_path, frames).iterdir())
    assert [path.name for path in paths] == [f"ETHUSDT_{day}.ws.gz" for day in days]
    assert read(tmp_path) == frames
    for path, day in zip(paths, days, strict=True):
        assert {f"{datetime.fromtimestamp(recv_ns // NS_PER_S, UTC):%Y%m%d}" for recv_ns, _ in WsLines([path])} == {day}
    assert _until("02:30Z", change.replace(hour=0)) == 9_000.0
    assert _until("00:30Z", change.replace(hour=2)) == 81_000.0  # a day of 24 hours


def test_a_burst_over_midnight_is_in_two_files_without_a_loss_or_a_repeat(tmp_path: Path) -> None:
    begin_ns = MIDNIGHT_NS - 2_500 * 1_000
    begin_ms = begin_ns // MS
    frames = [(begin_ns, at_time(1, begin_ms)), (begin_ns, book(0))]
    frames += [(begin_ns + at * 1_000, at_time(at, begin_ms + at // 1_000)) for at in range(2, 5_000)]
    paths = sorted(write(tmp_path / "frames", frames).iterdir())
    assert read(tmp_path / "frames") == frames
    sizes = [len(list(WsLines([path]))) for path in paths]
    assert sizes == [sum(recv_ns < MIDNIGHT_NS for recv_ns, _ in frames), 2_500]
    assert applied(replayed(read(tmp_path / "frames"))) == list(range(1, 5_000))
    lines = WsLines(paths)
    imported = import_ws_lines(lines, define("ETHUSDT", lines, tick="0.1", lot="0.001"), tmp_path, lambda *_: None)
    assert (len(imported.days), imported.feed.depth_applied, imported.feed.gaps) == (2, 4_999, 0)


@pytest.mark.parametrize("left", [1, 30, -1])
def test_a_recording_that_was_killed_while_writing_continues_with_a_gap(left: int, tmp_path: Path) -> None:
    def second(number: int, *update_ids: int) -> Frames:
        recv_ns = FIRST_NS + number * NS_PER_S
        diffs = [at_time(update_id, recv_ns // MS) for update_id in update_ids]
        return [(recv_ns, diffs[0]), (recv_ns, book(update_ids[0] - 1)), *((recv_ns, diff) for diff in diffs[1:])]

    write(tmp_path, second(0, 1, 2))
    path = next(tmp_path.iterdir())
    whole = path.read_bytes()
    write(tmp_path, second(1, 3, 4))
    path.write_bytes(whole + path.read_bytes()[len(whole) :][:left])  # the write was cut short
    write(tmp_path, second(9, 11, 12))
    events = replayed(read(tmp_path))
    assert short(events) == "SYNCING1 snapshot0 1-1 VALID1 2-2 GAP1 SYNCING2 snapshot10 11-11 VALID2 12-12"
    assert all(first[0] <= second[0] for first, second in pairwise(read(tmp_path)))
