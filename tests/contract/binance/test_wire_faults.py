"""Faults of the frames themselves, at the feed: what becomes of the book, and what never becomes an event."""

import json
from typing import Any

import pytest
from tests.venue.market import ETH, FIRST_NS, book, diff, short, trade

from mm_core.events import BookDelta, BookTop, RootEvent, Trade
from mm_venues import control
from mm_venues.audit import CompiledBook, TouchAudit
from mm_venues.binance.feed import Feed
from mm_venues.frame_error import FrameError

MS = 1_000_000
RECV_NS = FIRST_NS + 1_000 * MS
SYNCED = "SYNCING1 snapshot0 1-1 VALID1"
LOST = control.disconnected("closed by the venue: 1001")
Levels = list[Any]  # [price, quantity], or what a test puts in its place


def new_feed() -> Feed:
    """A feed before its first frame."""
    return Feed(ETH, TouchAudit(CompiledBook()))


def feed_all(feed: Feed, *frames: bytes) -> list[RootEvent]:
    """The events of frames that come a millisecond apart."""
    return [event for at, frame in enumerate(frames) for event in feed.feed(RECV_NS + at * MS, frame)]


def synced_feed() -> Feed:
    """A feed with a proven book at update id 1: 1 at 2450.1, 1 at 2450.3."""
    feed = new_feed()
    assert short(feed_all(feed, diff(1, 1), book(0))) == SYNCED
    return feed


def depth(update_id: int, bids: Levels, asks: Levels, **fields: Any) -> bytes:
    """A diff of one update id with these levels, and fields that are other than usual."""
    data = {"e": "depthUpdate", "E": 1_790_000_000_000 + update_id, "s": "ETHUSDT", "U": update_id, "u": update_id}
    return json.dumps({"stream": "ethusdt@depth@100ms", "data": data | {"b": bids, "a": asks} | fields}).encode()


def ticker(update_id: int, bid: list[str], ask: list[str]) -> bytes:
    """The venue's own touch at an update id."""
    data = {"u": update_id, "s": "ETHUSDT", "b": bid[0], "B": bid[1], "a": ask[0], "A": ask[1]}
    return json.dumps({"stream": "ethusdt@bookTicker", "data": data}).encode()


@pytest.mark.parametrize(
    ("frames", "expected", "counts"),
    [
        pytest.param([diff(1, 1), book(0), diff(3, 3)], f"{SYNCED} GAP1 SYNCING2", {"gaps": 1}, id="hole"),
        pytest.param(
            [diff(1, 1), book(0), diff(2, 2), diff(2, 2), diff(3, 3)],
            f"{SYNCED} 2-2 3-3",
            {"gaps": 0, "depth_duplicates": 1, "depth_dropped": 1},
            id="repeated",
        ),
        pytest.param(
            [diff(1, 1), book(0), diff(3, 3), diff(2, 2), book(2), diff(4, 4)],
            f"{SYNCED} GAP1 SYNCING2 snapshot2 3-3 VALID2 4-4",
            {"gaps": 1, "depth_dropped": 1},
            id="swapped",
        ),
        pytest.param(
            [diff(1, 2), book(0), diff(2, 4), diff(3, 5), diff(6, 6)],
            "SYNCING1 snapshot0 1-2 VALID1 2-4 3-5 6-6",
            {"gaps": 0, "depth_applied": 4},
            id="overlapping",
        ),
        pytest.param(
            [diff(8, 9), book(5), diff(10, 10), book(5), book(7)],
            "SYNCING1 snapshot7 8-9 10-10 VALID1",
            {"snapshots_refused": 2, "depth_dropped": 0},
            id="old snapshot",
        ),
        pytest.param(
            [diff(8, 10), diff(11, 14), book(10)],
            "SYNCING1 snapshot10 11-14 VALID1",
            {"snapshots_refused": 0},
            id="snapshot on the boundary",
        ),
        pytest.param(
            [diff(1, 4), diff(5, 6), book(10), diff(7, 10), diff(11, 12)],
            "SYNCING1 snapshot10 11-12 VALID1",
            {"depth_dropped": 3, "gaps": 0},
            id="snapshot ahead of the stream",
        ),
        pytest.param(
            [diff(1, 1), book(0), LOST, diff(11, 11), book(10), diff(2, 2), diff(3, 3), diff(12, 12)],
            f"{SYNCED} GAP1 SYNCING2 snapshot10 11-11 VALID2 12-12",
            {"gaps": 0, "disconnects": 1, "depth_dropped": 2},
            id="late from before the reconnect",
        ),
    ],
)
def test_the_book_continues_or_is_void_by_the_rule(frames: list[bytes], expected: str, counts: dict[str, int]) -> None:
    feed = new_feed()
    events = feed_all(feed, *frames, trade(1))
    assert short(events) == expected
    assert isinstance(events[-1], Trade)  # the other streams go on
    assert {name: getattr(feed.counts(), name) for name in counts} == counts


def test_a_snapshot_that_nobody_requested_does_not_void_the_book() -> None:
    feed = synced_feed()
    events = feed_all(feed, diff(2, 2), book(1), diff(3, 3), ticker(3, ["2450.1", "3"], ["2450.3", "1"]), diff(4, 4))
    assert feed.sync.is_valid
    assert "GAP" not in short(events)
    assert [event.update_id for event in events if isinstance(event, BookDelta)] == [2, 3, 4]
    assert (feed.counts().touch_checked, feed.counts().touch_equal) == (1, 1)


@pytest.mark.parametrize(
    ("bids", "asks", "touch"),
    [
        pytest.param([["2449.0", "0"]], [["2460.0", "0"]], (["2450.1", "1"], ["2450.3", "1"]), id="removes unknown"),
        pytest.param(
            [["2450.1", "1"], ["2450.1", "0"], ["2450.1", "2"]], [], (["2450.1", "2"], ["2450.3", "1"]), id="last wins"
        ),
        pytest.param(
            [], [["2450.2", "1"], ["2450.2", "5"], ["2450.2", "0"]], (["2450.1", "1"], ["2450.3", "1"]), id="last is 0"
        ),
        pytest.param([], [["2450.3", "0"]], (["2450.1", "1"], ["0", "0"]), id="empty side"),
    ],
)
def test_the_touch_is_the_venues_after_odd_levels(
    bids: Levels, asks: Levels, touch: tuple[list[str], list[str]]
) -> None:
    feed = synced_feed()
    feed_all(feed, depth(2, bids, asks), ticker(2, *touch))
    assert (feed.counts().touch_checked, feed.counts().touch_equal, feed.counts().gaps) == (1, 1, 0)
    assert feed.sync.is_valid


MARKET = (diff(1, 1), book(0), trade(1), diff(2, 2), ticker(2, ["2450.1", "2"], ["2450.3", "1"]), trade(2))
NUMBERS_OFTEN_FIRST = {"zzz": [1, {"x": None}], "e2": "depthUpdate", "L": 1.5e300}


def with_more_fields(frame: bytes) -> bytes:
    """The frame with fields that the venue may add one day, in front and behind."""
    whole = json.loads(frame)
    for part in (whole, whole.get("data", {})):
        fields = dict(part)
        part.clear()
        part.update({"first": [], **fields, **NUMBERS_OFTEN_FIRST})
    return json.dumps(whole).encode()


def spelled_otherwise(frame: bytes) -> bytes:
    """The same JSON with its fields in the opposite order, spread over lines, some letters as escapes."""

    def turned(value: Any) -> Any:
        return {key: turned(each) for key, each in reversed(value.items())} if isinstance(value, dict) else value

    text = json.dumps(turned(json.loads(frame)), indent=3)
    return text.replace('"E"', '"\\u0045"').replace("ETHUSDT", "\\u0045THUSD\\u0054").replace('"0', '"\\u0030').encode()


@pytest.mark.parametrize("change", [with_more_fields, spelled_otherwise])
def test_the_spelling_of_a_frame_makes_no_difference(change: Any) -> None:
    plain, changed = new_feed(), new_feed()
    events = feed_all(plain, *MARKET)
    assert {type(event) for event in events} >= {BookDelta, BookTop, Trade}
    assert feed_all(changed, *(change(frame) for frame in MARKET)) == events
    assert changed.counts() == plain.counts()


NUMBERS = {
    "NaN": '"NaN"',
    "infinity": '"Infinity"',
    "negative": '"-1.00000000"',
    "minus zero": '"-0.00000000"',
    "1E400": '"1E400"',
    "400 digits": f'"{"9" * 400}"',
    "no text": "2450.1",
    "null": "null",
    "empty": '""',
    "list": "[]",
}
PRICED = {
    "depth price": (diff(2, 2), '"2450.10000000"'),
    "depth quantity": (diff(2, 2), '"2.00000000"'),
    "trade price": (trade(1), '"2450.10000000"'),
    "trade quantity": (trade(1), '"0.50000000"'),
    "top price": (MARKET[4], '"2450.3"'),
    "top quantity": (MARKET[4], '"2"'),
    "snapshot price": (book(5), '"2450.30000000"'),
    "snapshot quantity": (book(5), '"5.00000000"'),
}


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("place", PRICED)
def test_what_is_no_price_or_quantity_never_becomes_an_event(place: str, number: str) -> None:
    feed = synced_feed()
    frame, good = PRICED[place]
    assert good in frame.decode()
    before = feed.counts()
    with pytest.raises(FrameError):
        feed.feed(RECV_NS, frame.decode().replace(good, NUMBERS[number], 1).encode())
    assert feed.counts() == before
    assert short(feed_all(feed, diff(2, 2))) == "2-2"


BEYOND_53_BITS = (1 << 53) + 1
LARGEST = (1 << 63) - 1


@pytest.mark.parametrize("number", [BEYOND_53_BITS, LARGEST - 1])
def test_large_ids_stay_exact(number: int) -> None:
    feed = new_feed()
    first = depth(7, [], [], U=number, u=number)
    snapshot = book(0).replace(b'"lastUpdateId":0', b'"lastUpdateId":%d' % (number - 1))
    events = feed_all(feed, first, snapshot, trade(number))
    applied = next(event for event in events if isinstance(event, BookDelta))
    assert (applied.first_update_id, applied.update_id) == (number, number)
    assert next(event for event in events if isinstance(event, Trade)).trade_id == number
    assert feed.sync.is_valid
    following = depth(8, [], [], U=number + 1, u=number + 1)
    assert short(feed_all(feed, following)) == f"{number + 1}-{number + 1}"


@pytest.mark.parametrize("number", [LARGEST + 1, 1 << 64, 10**400, -1, "1.0", "1e3"])
@pytest.mark.parametrize("place", ['"u":2', '"U":2', '"t":2', '"lastUpdateId":2'])
def test_an_id_that_no_64_bits_hold_is_refused(place: str, number: int | str) -> None:
    frame = {"U": diff(2, 2), "u": diff(2, 2), "t": trade(2), "l": book(2)}[place[1]].decode()
    assert place in frame
    feed = synced_feed()
    with pytest.raises(FrameError):
        feed.feed(RECV_NS, frame.replace(place, f"{place[:-1]}{number}").encode())
    assert feed.sync.is_valid


OTHER_FIELDS: list[dict[str, Any]] = [
    *({"u": None}, {"U": "2"}, {"u": 2.0}, {"b": {}}, {"a": "[]"}),
    *({"s": None}, {"s": ["ETHUSDT"]}, {"e": 1}, {"E": "soon"}),
]
OTHER_LEVELS: Levels = [["2450.1"], ["2450.1", "1", "1"], [2450.1, 1], {"p": "1"}, "2450.1"]


@pytest.mark.parametrize(
    "frame",
    [
        *(depth(2, [], [], **fields) for fields in OTHER_FIELDS),
        *(depth(2, [level], []) for level in OTHER_LEVELS),
        depth(2, [], []).replace(b'"u": 2, ', b""),
        b'{"stream":"ethusdt@depth@100ms"}',
        b'{"stream":"ethusdt@depth@100ms","data":null}',
        b'{"stream":["ethusdt@depth@100ms"],"data":{}}',
        b'{"data":{"e":"depthUpdate"}}',
        *(b"[]", b"null", b"7", b'"text"', b"{}", b"\x00\x01", b"", b" "),
    ],
)
def test_a_frame_of_other_types_is_refused_and_the_book_stays_as_it_was(frame: bytes) -> None:
    feed = synced_feed()
    with pytest.raises(FrameError, match=r"^[^\n]+$"):
        feed.feed(RECV_NS, frame)
    assert short(feed_all(feed, diff(2, 2))) == "2-2"


def test_a_frame_that_is_cut_anywhere_is_refused() -> None:
    feed = synced_feed()
    for frame in (diff(2, 2), trade(1), book(1)):
        for size in range(len(frame)):
            with pytest.raises(FrameError):
                feed.feed(RECV_NS, frame[:size])
    assert short(feed_all(feed, diff(2, 2))) == "2-2"
