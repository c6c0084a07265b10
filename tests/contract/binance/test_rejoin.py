"""A recording that is taken up in its middle: the snapshot made there proves the same book as the whole recording."""

import json
from itertools import islice
from pathlib import Path

import pytest
from tests.venue.market import ETH

from mm_core.events import BookSnapshot, FeedStatus
from mm_core.types import INT64_MAX, BookState
from mm_store.ws_lines import WsLines
from mm_venues.audit import CompiledBook, TouchAudit
from mm_venues.binance.define import define
from mm_venues.binance.feed import Feed
from mm_venues.binance.rejoin import Rejoin
from mm_venues.control import disconnected

SAMPLE = Path(__file__).parents[3] / "samples" / "synth.gz"


@pytest.mark.parametrize("place", [40, 500, 2_000])
def test_a_feed_that_begins_with_it_has_the_book_of_one_that_saw_all(place: int) -> None:
    check([SAMPLE], "SYNTH", place, 400)


def test_a_book_that_is_known_in_part_is_claimed_in_that_part_only(shared_data: Path) -> None:
    paths = sorted((shared_data / "binance_spot").glob("btcusdt_2024080[89].gz"))
    feed = check(paths, "BTCUSDT", 20_000, 5_000)
    status = feed.sync.status(BookState.VALID, 1, "")
    assert 0 < status.complete_low_ticks < status.complete_high_ticks < INT64_MAX


def test_a_window_that_is_too_narrow_for_a_snapshot_makes_none() -> None:
    rejoin = Rejoin(ETH)
    sides = {"bid_ticks": tuple(range(300, 0, -1)), "bid_lots": (1,) * 300}
    sides |= {"ask_ticks": tuple(range(301, 601)), "ask_lots": (1,) * 300}
    rejoin.take([BookSnapshot(instrument_id="", ts_ns=1, update_id=1, **sides)])  # type: ignore[arg-type]
    sizes = []
    for low_ticks, high_ticks in ((0, INT64_MAX), (50, 580), (150, 580), (0, 420), (250, 600)):
        status = {"complete_low_ticks": low_ticks, "complete_high_ticks": high_ticks}
        rejoin.take([FeedStatus(instrument_id="", ts_ns=1, state=BookState.VALID, epoch=1, **status)])  # type: ignore[arg-type]
        snapshot = json.loads(rejoin.snapshot() or '{"bids": [], "asks": []}')
        sizes.append((len(snapshot["bids"]), len(snapshot["asks"])))
    assert sizes == [(300, 300), (100, 100), (100, 100), (300, 100), (0, 0)]


def check(paths: list[Path], symbol: str, place: int, count: int) -> Feed:
    """Whether two feeds agree behind a place: one saw all, the other begins there with the snapshot."""
    instrument = define(symbol, WsLines(paths)).instrument
    whole, rejoin = Feed(instrument, TouchAudit(CompiledBook())), Rejoin(instrument)
    lines = iter(WsLines(paths))
    for recv_ns, frame in islice(lines, place):
        rejoin.take(whole.feed(recv_ns, frame))
    joined = Feed(instrument, TouchAudit(CompiledBook()))
    joined.feed(recv_ns, disconnected("the recorder was started again"))
    joined.feed(recv_ns, rejoin.snapshot())
    before = whole.counts().touch_checked
    for recv_ns, frame in islice(lines, count):
        whole.feed(recv_ns, frame)
        joined.feed(recv_ns, frame)
    counts = joined.counts()
    assert joined.is_valid
    assert joined._audit.touch == whole._audit.touch
    compared = whole.counts().touch_checked - before  # a touch before the first diff has no time, and is not
    assert counts.touch_checked == counts.touch_equal >= compared - 2 > 0
    assert (counts.gaps, counts.crossed, counts.snapshots_refused) == (0, 0, 0)
    return joined


def test_without_a_proven_book_there_is_no_snapshot() -> None:
    instrument = define("SYNTH", WsLines([SAMPLE])).instrument
    feed, rejoin = Feed(instrument, TouchAudit(CompiledBook())), Rejoin(instrument)
    assert rejoin.snapshot() == b""
    for recv_ns, frame in islice(WsLines([SAMPLE]), 200):
        rejoin.take(events := feed.feed(recv_ns, frame))
        if any(isinstance(event, BookSnapshot) for event in events):
            break
    assert rejoin.snapshot().startswith(b'{"lastUpdateId":')
    rejoin.take(feed.feed(recv_ns, disconnected("lost")))
    assert rejoin.snapshot() == b""
