"""A replay on paper: what makes it fail and where, and that no outlier of a clock drives it."""

from pathlib import Path

import pytest
from tests.venue.market import ETH
from tests.venue.market_frames import at_ns, book, depth, info, print_, top

from mm_core.events import Event, FeedStatus, Root, Tick
from mm_core.setup.config import Config, to_config
from mm_core.types import BookState, InputError
from mm_research.backtest import backtest
from mm_research.importer import import_ws_lines
from mm_research.paper import PaperSession, Recorded, paper
from mm_store.tape import read_tape
from mm_store.ws_lines import WsLines
from mm_venues.defined import Defined

Timed = tuple[int, bytes]
CONFIG: Config = to_config({"fixed_spread": {"half_spread_ticks": 1.0}, "quoter": {"order_qty_base": "0.1"}})
PROVEN: list[Timed] = [
    (0, book(10, [(1000, 1), (999, 5)], [(1001, 1), (1002, 5)])),
    *((100 * at, depth(100 * at, 10 + at, 10 + at, [(1000, 1 + at % 3)])) for at in range(1, 40)),
]
NEXT_ID = 50


def recorded(path: Path, *frames: Timed) -> WsLines:
    """A recording of these frames, each received 5 ms after its time."""
    path.write_bytes(b"".join(b"%d %b\n" % (at_ns(at_ms), frame) for at_ms, frame in frames))
    return WsLines([path])


def replay(tmp_path: Path, *frames: Timed) -> Recorded:
    """The session over these frames."""
    return paper(recorded(tmp_path / "frames.txt", *frames), ETH, CONFIG)


def test_a_replay_without_a_proven_book_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"frames.txt:39: no book of ETHUSDT was ever proven: 39 depth events, 0 snapshots; expected"
    ):
        replay(tmp_path, *PROVEN[1:])


def test_the_first_place_that_contradicts_the_book_is_named(tmp_path: Path) -> None:
    assert replay(tmp_path, *PROVEN, (3_900, top(49, (1000, 1), (1001, 1)))).failures == []
    wrong = [(3_900, top(49, (1000, 1), (1001, 2)))]
    healed = [(4_000, depth(4_000, 50, 50)), (4_010, book(49, [(1000, 1)], [(1001, 1)]))]
    result = replay(tmp_path, *PROVEN, *wrong, *healed)
    (failure,) = result.failures
    assert failure.startswith(f"{tmp_path / 'frames.txt'}:41: at update id 49 the venue's touch is ")
    assert result.summary()["failures"] == result.failures


def test_a_replay_ends_where_the_instrument_changes(tmp_path: Path) -> None:
    behind = [(4_000 + 100 * at, depth(4_000 + 100 * at, NEXT_ID + at, NEXT_ID + at)) for at in range(20)]
    result = replay(tmp_path, *PROVEN, (3_950, info(tick="0.01")), *behind)
    (failure,) = result.failures
    assert failure.endswith("frames.txt:41: tick size 0.1 -> 0.01: the instrument is another one from here on")
    assert result.feed.depth_received == 39
    assert result.recording.order_count > 0
    assert result.complete


def minute(outlier: Timed | None = None, step: tuple[int, int, int] = (0, 0, 0)) -> list[Timed]:
    """A minute of depth and trades, with one more frame in it, or received by a clock that is off from .. to."""
    from_ms, to_ms, off_ms = step
    frames: list[Timed] = [PROVEN[0]]
    for at in range(1, 600):
        at_ms = 100 * at
        off = off_ms if from_ms <= at_ms < to_ms else 0
        frames.append((at_ms + off, depth(at_ms, 10 + at, 10 + at, [(1000, 1 + at % 3)])))
        if at % 10 == 0:
            sells = at // 10 % 2 == 0
            frames.append((at_ms + off, print_(at_ms, at, 995 if sells else 1006, sells=sells)))
        if outlier is not None and at == 300:
            frames.append(outlier)
    return frames


HOUR_MS, DAY_MS = 3_600_000, 86_400_000
USUAL = minute()


@pytest.mark.parametrize(
    "frames",
    [
        minute((30_000, print_(30_000 + HOUR_MS, 100_001, 1000))),
        minute((30_000, print_(30_000 + DAY_MS, 100_001, 1000))),
        [*USUAL[:200], (USUAL[200][0], USUAL[200][1].replace(b'"E": 1790', b'"E": 1791')), *USUAL[201:]],
        minute(step=(30_000, 30_100, HOUR_MS)),
        minute(step=(30_000, 40_000, HOUR_MS)),
        minute(step=(30_000, 40_000, -HOUR_MS)),
        minute(step=(30_000, 40_000, DAY_MS)),
    ],
    ids=[
        "T + 1 h",
        "T + 1 d",
        "E + 11 d",
        "one frame 1 h ahead",
        "10 s 1 h ahead",
        "10 s 1 h behind",
        "10 s 1 d ahead",
    ],
)
def test_an_outlier_of_a_clock_neither_floods_the_log_nor_ends_trading(frames: list[Timed], tmp_path: Path) -> None:
    events: list[Event] = []
    session = PaperSession(ETH, CONFIG, events.append)
    for recv_ns, frame in recorded(tmp_path / "frames.txt", *frames):
        session.take(recv_ns, frame)
    session.finish()
    assert sum(isinstance(event, Tick) for event in events) <= 601
    assert max(event.local_ns for event in events if isinstance(event, Root)) <= at_ns(60_000)
    assert [event.state for event in events if isinstance(event, FeedStatus)][1:] == [BookState.VALID]
    assert session.counts().times_bounded > 0
    usual = paper(recorded(tmp_path / "usual.txt", *USUAL), ETH, CONFIG)
    assert len(session.tracker.recording().fills) >= len(usual.recording.fills) > 0


FAULTS: dict[str, list[Timed]] = {
    "crossed": [(4_000, depth(4_000, 50, 50, [(1003, 1)])), (4_100, book(50, [(998, 1)], [(1004, 1)]))],
    "stalled": [
        (4_000, print_(4_000, 1, 990)),
        (9_500, print_(9_500, 2, 985)),
        (9_600, book(50, [(980, 1)], [(990, 1)])),
    ],
    "halted": [(4_000, info("HALT")), (4_100, depth(4_100, 50, 50)), (4_500, info())],
    "ids": [(4_000 + at, depth(4_000 + at, 3 + at, 3 + at)) for at in range(4)]
    + [(4_100, book(5, [(999, 1)], [(1001, 1)]))],
    "late": [(34_000, depth(4_000, 50, 50)), (34_001, depth(34_000, 51, 51))],
}
AFTER = [(35_000 + 100 * at, depth(35_000 + 100 * at, 51 + at, 51 + at, [(999, 1 + at % 4)])) for at in range(40)]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_replay_with_a_fault_and_the_backtest_of_its_import_are_equal(fault: str, tmp_path: Path) -> None:
    lines = recorded(tmp_path / "frames.txt", *PROVEN, *FAULTS[fault], *AFTER)
    result = paper(lines, ETH, CONFIG)
    defined = Defined(instrument=ETH, tick_source="", lot_source="")
    imported = import_ws_lines(lines, defined, tmp_path, lambda _done, _total: None)
    tape = read_tape([folder / f"tape_ETHUSDT_{folder.name}.parquet" for folder in imported.folders])
    offline = backtest(tape, tape.instrument, CONFIG)
    assert offline.recording.digests() == result.recording.digests()
    assert result.recording.order_count > 0
