"""The feed: what leaves it, in which order, and what it counts."""

from pathlib import Path

import pytest

from mm_core.events import BookTop, InstrumentDefined, Trade
from mm_venues.audit import CompiledBook, TouchAudit
from mm_venues.binance.feed import Feed
from mm_venues.frame_error import FrameError

FRAMES = Path(__file__).parent / "frames"
ETH = InstrumentDefined(
    instrument_id="binance.ETHUSDT", ts_ns=0, venue_symbol="ETHUSDT", tick_size="0.1", lot_size="0.001"
)


NOW_NS = 1_790_000_000_127_000_000
# The venue's touch behind the diff of `depth.raw`.
TOP = b'{"u":5007,"s":"ETHUSDT","b":"2450.1","B":"3.2","a":"2450.2","A":"0.5"}'


def frame(name: str) -> bytes:
    """A hand-written frame."""
    return (FRAMES / f"{name}.json").read_bytes()


def trade(trade_id: int, kind: str = "trade") -> bytes:
    """A trade or an aggregate trade of that id."""
    if kind == "aggTrade":
        return frame("agg_trade.combined").replace(b'"a":77', b'"a":%d' % trade_id)
    return frame("trade.raw").replace(b'"t":881', b'"t":%d' % trade_id)


@pytest.fixture
def feed() -> Feed:
    """A feed that has seen nothing."""
    return Feed(ETH, TouchAudit(CompiledBook()))


def names(feed: Feed, *frames: bytes) -> list[str]:
    """Types of the events that frames received a nanosecond apart lead to."""
    published = [event for at, each in enumerate(frames) for event in feed.feed(NOW_NS + at, each)]
    return [type(event).__name__ for event in published]


def test_the_definition_comes_first_and_the_book_when_it_is_proven(feed: Feed) -> None:
    published = names(feed, frame("snapshot.raw"), frame("depth.raw"), TOP, frame("trade.raw"))
    expected = "InstrumentDefined FeedStatus BookSnapshot BookDelta FeedStatus BookTop Trade"
    assert published == expected.split()


def test_the_definition_takes_the_times_of_the_event_behind_it(feed: Feed) -> None:
    defined, first = feed.feed(NOW_NS, frame("trade.raw"))
    assert isinstance(defined, InstrumentDefined)
    assert isinstance(first, Trade)
    assert (defined.ts_ns, defined.recv_ns) == (first.ts_ns, first.recv_ns) == (1_790_000_000_122_000_000, NOW_NS)


def test_a_book_ticker_has_no_time_before_the_first_diff_and_is_only_counted(feed: Feed) -> None:
    assert names(feed, frame("book_ticker.raw")) == []
    assert feed.counts().other == {"bookTicker": 1}
    top = (feed.feed(NOW_NS, frame("depth.raw")), feed.feed(NOW_NS, frame("book_ticker.raw")))[1][-1]
    assert isinstance(top, BookTop)
    assert top.ts_ns == 1_790_000_000_123_000_000
    assert feed.counts().book_tops == 1


def test_holes_and_repeats_in_trade_ids_are_counted_and_repeats_left_out(feed: Feed) -> None:
    published = names(feed, *(trade(trade_id) for trade_id in (5, 6, 6, 9, 5, 10)))
    assert published == ["InstrumentDefined", "Trade", "Trade", "Trade", "Trade"]
    counts = feed.counts()
    assert (counts.trades, counts.trade_gaps, counts.trades_repeated) == (4, 1, 2)


@pytest.mark.parametrize(("taken", "left"), [("trade", "aggTrade"), ("aggTrade", "trade")])
def test_a_feed_takes_trades_or_aggregate_trades_whichever_comes_first(feed: Feed, taken: str, left: str) -> None:
    published = names(feed, trade(5, taken), trade(900, left), trade(6, taken), trade(901, left))
    assert published == ["InstrumentDefined", "Trade", "Trade"]
    assert (feed.counts().trades, feed.counts().trade_gaps, feed.counts().other) == (2, 0, {left: 2})


def test_a_trade_from_before_the_last_diff_is_late(feed: Feed) -> None:
    names(feed, trade(5), frame("depth.raw"), trade(6))
    assert feed.counts().trades_late == 1


def test_frames_that_are_no_event_are_counted_by_kind(feed: Feed) -> None:
    kinds = ("kline.raw", "kline.combined", "subscribed", "shutdown.combined", "partial_depth.combined")
    assert names(feed, *(frame(kind) for kind in kinds)) == []
    assert feed.counts().other == {"kline": 2, "control": 1, "serverShutdown": 1, "partialDepth": 1}


def test_a_bad_frame_changes_nothing(feed: Feed) -> None:
    names(feed, frame("snapshot.raw"), frame("depth.raw"), trade(5))
    before = feed.counts()
    for bad in (trade(6).replace(b"2450.1", b"2450.15"), frame("depth.raw")[:40], b"\xff"):
        with pytest.raises(FrameError):
            feed.feed(NOW_NS, bad)
    assert feed.counts() == before
    assert names(feed, trade(6)) == ["Trade"]


def test_the_recorded_aggregate_trades_are_read(shared_data: Path) -> None:
    import gzip

    lines = gzip.decompress((shared_data / "binance_spot" / "BINANCE.ws.1.0.gz").read_bytes()).splitlines()
    recorded = [line.split(b": ", 1)[1] for line in lines if b'"stream":"lrcbtc@' in line]
    lrc = InstrumentDefined(
        instrument_id="binance.LRCBTC", ts_ns=0, venue_symbol="LRCBTC", tick_size="0.00000001", lot_size="1"
    )
    feed = Feed(lrc, TouchAudit(CompiledBook()))
    trades = [event for each in recorded for event in feed.feed(1, each) if isinstance(event, Trade)]
    assert (trades[0].trade_id, trades[0].price_ticks, trades[0].qty_lots) == (9213679, 638, 177)
    assert feed.counts().trades == len(trades) == sum(b"@aggTrade" in each for each in recorded)
    assert feed.counts().depth_received == sum(b"@depth" in each for each in recorded) > 0
