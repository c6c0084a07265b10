"""A book is proven and alive, or the feed reports it: what voids it, what holds it back, and what heals it."""

import pytest
from tests.venue.fed import ASKS, BIDS, PROVEN, Fed, Timed
from tests.venue.market_frames import at_ns, book, depth, info, print_, top

from mm_core.events import BookSnapshot, InstrumentDefined, Trade
from mm_venues import control
from mm_venues.frame_error import FrameError


@pytest.mark.parametrize(
    ("crossing", "reason"),
    [
        (depth(200, 12, 12, [(1002, 1)]), "crossed: bid 1002 ticks, ask 1001 ticks"),
        (depth(200, 12, 12, [(1001, 1)]), "crossed: bid 1001 ticks, ask 1001 ticks"),  # locked
        (depth(200, 12, 12, [], [(999, 1)]), "crossed: bid 1000 ticks, ask 999 ticks"),
    ],
)
def test_a_crossed_or_locked_book_is_void_and_healed_by_a_snapshot(crossing: bytes, reason: str) -> None:
    fed = Fed(*PROVEN)
    assert fed.take((200, crossing)) == "GAP1 SYNCING2"
    assert fed.reasons() == [reason]
    assert fed.feed.sync.needs_snapshot
    healing = [(300, depth(300, 13, 13, [], [(1001, 0), (1003, 1)])), (400, book(13, [(1002, 1)], [(1003, 1)]))]
    assert fed.take(*healing, (500, depth(500, 14, 14, [(1002, 3)]))) == "snapshot13 14-14 VALID2"
    assert (fed.counts.crossed, fed.counts.gaps, fed.counts.dropped) == (1, 0, {"old": 2})


def test_a_diff_that_crosses_and_uncrosses_at_once_is_no_fault() -> None:
    fed = Fed(*PROVEN)
    assert fed.take((200, depth(200, 12, 13, [(1002, 1)], [(1001, 0), (1003, 1)]))) == "12-13"
    assert fed.counts.crossed == 0


def test_a_snapshot_that_leads_to_a_crossed_book_is_refused() -> None:
    fed = Fed((0, depth(0, 11, 11, [(1005, 1)])), (10, book(10, BIDS, ASKS)))
    assert fed.feed.sync.needs_snapshot
    assert fed.counts.snapshots_refused == 1
    assert fed.take((20, book(10, BIDS, [(1006, 1)]))) == "snapshot10 11-11 VALID1"


@pytest.mark.parametrize("first", ["top", "diff"])
def test_the_venues_own_touch_at_an_equal_id_speaks_against_the_book(first: str) -> None:
    fed = Fed(*PROVEN)
    touch, change = (200, top(12, (1000, 3), (1001, 2))), (200, depth(200, 12, 12, [(1000, 3)]))
    published = fed.take(*([touch, change] if first == "top" else [change, touch]))
    assert published == ("GAP1 SYNCING2" if first == "top" else "12-12 GAP1 SYNCING2")
    touches = "the venue's touch is 3000 lots at 1000 / 2000 at 1001, the book's 3000 lots at 1000 / 1000 at 1001"
    reason = f"at update id 12 {touches}"
    assert fed.reasons() == [reason]
    assert fed.feed.first_contradiction == reason
    assert fed.counts.contradictions == 1
    assert fed.take((300, book(12, BIDS, ASKS)), (300, depth(300, 13, 13))).endswith("13-13 VALID2")


def test_a_snapshot_that_is_not_our_book_replaces_it_with_the_next_diff() -> None:
    fed = Fed(*PROVEN, (200, depth(200, 12, 12, [(999, 1)])))
    assert fed.take((300, book(11, [(1000, 7)], ASKS))) == "GAP1 SYNCING2"
    touches = "the snapshot's touch is 7000 lots at 1000 / 1000 at 1001, the book's 2000 lots at 1000 / 1000 at 1001"
    assert fed.reasons() == [f"at update id 12 {touches}"]
    assert fed.take((400, depth(400, 13, 13))) == "snapshot12 13-13 VALID2"
    (snapshot,) = [event for event in fed.events[-3:] if isinstance(event, BookSnapshot)]
    assert (snapshot.bid_ticks, snapshot.bid_lots) == ((1000, 999), (7000, 1000))


@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        # a print through the bid, or the ask, and no depth: seen at the next frame of any kind
        (
            [(200, print_(200, 1, 990)), (1_200, print_(1_200, 2, 990)), (1_201, print_(1_201, 3, 990))],
            "depth stalled: none in 1.0 s after a trade through the touch",
        ),
        (
            [(200, print_(200, 1, 1002, sells=False)), (4_200, top(11, (1000, 2), (1001, 1)))],
            "depth stalled: none in 4.0 s after a trade through the touch",
        ),
        # any print
        (
            [(200, print_(200, 1, 1000)), (5_200, print_(5_200, 2, 1000)), (5_201, print_(5_201, 3, 1000))],
            "depth stalled: none in 5.0 s after a trade",
        ),
        # in time, a trade at the touch, a quiet market, a late trade, depth that comes at last
        ([(200, print_(200, 1, 990)), (1_200, print_(1_200, 2, 990))], ""),
        ([(200, print_(200, 1, 1000)), (5_200, print_(5_200, 2, 1000))], ""),
        ([(60_000, top(11, (1000, 2), (1001, 1))), (90_000, print_(90_000, 1, 1000))], ""),
        ([(200, print_(50, 1, 990)), (4_000, print_(4_000, 2, 1000))], ""),
        ([(200, print_(200, 1, 990)), (9_000, depth(9_000, 12, 12)), (9_001, print_(9_001, 2, 1000))], ""),
    ],
)
def test_a_depth_stream_that_stands_still_while_trades_go_on_is_stalled(frames: list[Timed], reason: str) -> None:
    fed = Fed(*PROVEN, *frames)
    assert fed.feed.reconnect_reason == reason
    assert fed.reasons() == ([reason] if reason else [])
    assert fed.counts.stalls == bool(reason)
    assert sum(isinstance(event, Trade) for event in fed.events) == sum(b"@trade" in frame for _, frame in frames)
    if reason:
        fed.take((frames[-1][0], control.disconnected("stalled")))
        assert fed.feed.reconnect_reason == ""


def test_a_symbol_that_does_not_trade_is_stale_while_the_book_goes_on() -> None:
    fed = Fed((0, info()), *PROVEN)
    assert fed.take((200, info("HALT")), (300, depth(300, 12, 12))) == "STALE1 12-12"
    assert fed.reasons() == ["symbol status HALT"]
    assert fed.take((400, depth(400, 15, 15)), (500, book(14, BIDS, ASKS))) == "GAP1 SYNCING2 snapshot14 15-15 STALE2"
    assert fed.take((600, info("BREAK")), (650, info("BREAK"))) == "STALE2"
    assert not fed.feed.is_valid
    assert fed.take((700, info())) == "VALID2"
    assert fed.feed.is_valid


def test_new_filters_are_published_and_another_symbols_are_not() -> None:
    fed = Fed((0, info()), *PROVEN)
    fed.take((200, info()), (200, info(notional="10")), (300, info(notional="20", symbol="BTCUSDT")))
    definitions = [event for event in fed.events if isinstance(event, InstrumentDefined)]
    assert [each.notional_e9_min for each in definitions] == [5_000_000_000, 10_000_000_000]
    assert (definitions[1].ts_ns, definitions[1].recv_ns) == (at_ns(100, 0), at_ns(200))
    assert fed.counts.other == {"exchangeInfo": 1}


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (info(tick="0.01"), "tick size 0.1 -> 0.01"),
        (info(tick="0.01", lot="1"), "tick size 0.1 -> 0.01, lot size 0.001 -> 1"),
    ],
)
def test_another_grid_ends_the_feed(changed: bytes, reason: str) -> None:
    fed = Fed(*PROVEN)
    assert fed.take((200, changed)) == "GAP1"
    assert (fed.feed.definition_changed, fed.reasons()) == (reason, [reason])
    assert fed.feed.new_instrument is not None
    assert fed.feed.new_instrument.tick_size == "0.01"
    before = fed.counts
    assert fed.take((300, depth(300, 12, 12)), (300, book(12, BIDS, ASKS))) == ""
    assert fed.counts == before
    assert not fed.feed.is_valid


def test_a_price_off_the_grid_asks_for_the_definition() -> None:
    fed = Fed(*PROVEN)
    for bad, is_needed in [(b"1000", False), (b"1000.15000000", True)]:
        with pytest.raises(FrameError):
            fed.feed.feed(
                at_ns(200),
                print_(200, 1, 10_000)
                .replace(b"1000.00000000", bad)
                .replace(b'"1.0', b'"-1.0' if not is_needed else b'"1.0'),
            )
        assert fed.feed.needs_definition is is_needed
    fed.take((300, info()))
    assert not fed.feed.needs_definition


def test_depth_that_was_held_up_is_stale_until_it_is_in_time() -> None:
    fed = Fed(*PROVEN, *[(100 + at, depth(100 + at, 11 + at, 11 + at)) for at in range(1, 40)])
    late = [(30_200, depth(200, 51, 51)), (30_201, depth(300, 52, 52)), (30_205, depth(30_200, 53, 53))]
    assert fed.take(*late) == "STALE1 51-51 52-52 53-53 VALID1"
    assert fed.reasons() == ["received 30.0 s after its exchange time"]
    assert fed.counts.depth_late == 2
    assert fed.feed.lag_ns == 5_000_000


def test_a_snapshot_of_another_symbol_is_refused() -> None:
    fed = Fed((0, print_(0, 1, 1000)), (0, depth(0, 11, 11)))
    assert fed.take((10, book(10, [(60_000, 1)], [(60_001, 1)])), (10, book(10, [(10, 1)], [(11, 1)]))) == ""
    assert fed.counts.snapshots_refused == 2
    assert fed.take((20, book(10, BIDS, ASKS))) == "snapshot10 11-11 VALID1"


def test_ids_that_begin_again_lose_no_diff_and_no_trade() -> None:
    fed = Fed((0, book(900, BIDS, ASKS)), (100, depth(100, 901, 901)), (100, print_(100, 700, 1000)))
    published = fed.take(
        *((200 + at, depth(200 + at, 11 + at, 11 + at)) for at in range(2)),
        *((210 + at, print_(210 + at, 1 + at, 1000)) for at in range(3)),
        (220, book(10, BIDS, ASKS)),
        *((300 + at, depth(300 + at, 13 + at, 13 + at)) for at in range(2)),
    )
    assert published == "GAP1 SYNCING2 snapshot10 11-11 12-12 13-13 VALID2 14-14"
    assert (fed.counts.id_restarts, fed.counts.trade_id_restarts, fed.counts.depth_dropped) == (1, 1, 0)
    assert (fed.counts.trades, fed.counts.trades_late, fed.counts.trades_repeated) == (4, 0, 0)
