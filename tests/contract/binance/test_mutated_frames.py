"""Whatever comes in the place of a frame is a FrameError or an event, and the feed continues after it."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.venue.market import ETH, short
from tests.venue.market_frames import at_ns, book, depth, info, print_, top

from mm_core.types import INT64_MAX
from mm_venues import control
from mm_venues.audit import CompiledBook, TouchAudit
from mm_venues.binance.feed import Feed
from mm_venues.binance.parse import check_snapshot_body
from mm_venues.frame_error import FrameError

GOOD = [
    depth(200, 12, 12, [(1000, 3)], [(1002, 1)]),
    print_(200, 1, 1000),
    top(11, (1000, 2), (1001, 1)),
    book(11, [(1000, 2)], [(1001, 1)]),
    info(),
    control.disconnected("closed"),
]
DEEP = b'{"a":' * 100_000


def proven() -> Feed:
    """A feed whose book is proven at update id 11."""
    feed = Feed(ETH, TouchAudit(CompiledBook()))
    feed.feed(at_ns(0), book(10, [(1000, 1)], [(1001, 1)]))
    feed.feed(at_ns(100), depth(100, 11, 11, [(1000, 2)]))
    return feed


def heals(feed: Feed) -> bool:
    """Whether a lost connection, a diff and a snapshot behind it lead to a proven book, or to the reported end."""
    feed.feed(at_ns(1_000), control.disconnected("closed"))
    feed.feed(at_ns(1_050), info())  # the symbol trades, whatever status a frame gave it
    frames = [depth(1_100, 5_001, 5_001), book(5_000, [(1000, 1)], [(1001, 1)])]
    published = short([event for frame in frames for event in feed.feed(at_ns(1_100), frame)])
    return published.endswith(f"5001-5001 VALID{feed.sync.epoch}") or bool(feed.definition_changed)


def taken(feed: Feed, recv_ns: int, frame: bytes) -> str:
    """Why the frame was not taken; empty if it was."""
    try:
        feed.feed(recv_ns, frame)
    except FrameError as error:
        return str(error)
    return ""


NUMBERS = [-1, 2**53, INT64_MAX, INT64_MAX + 1, 2**64, 10**400, 1.5, -0.0]
TEXTS = [
    "",
    "NaN",
    "Infinity",
    "-1",
    "-0",
    "1e400",
    "1e99",
    "9" * 400,
    "0",
    "0.00000000",
    "1_000",
    "1e8",
    "9" * 18,
    "\u0660",
]
values = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(NUMBERS),
    st.sampled_from(TEXTS),
    st.just([]),
    st.just({}),
    st.just([["1"]]),
)


def paths(value: Any) -> list[tuple[Any, ...]]:
    """Where a JSON value can be changed."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [(), *[(key, *rest) for key, child in children for rest in paths(child)]]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A good frame with one part replaced, left out or made longer."""
    value = json.loads(draw(st.sampled_from(GOOD)))
    *way, last = draw(st.sampled_from([path for path in paths(value) if path]))
    parent = value
    for key in way:
        parent = parent[key]
    match draw(st.sampled_from(["replaced", "left out", "longer"])):
        case "replaced":
            parent[last] = draw(values)
        case "left out":
            del parent[last]
        case "longer" if isinstance(parent, list):
            parent.append(draw(values))
        case _:
            parent["unknown"] = draw(values)
    return json.dumps(value).encode()


cut = st.sampled_from(GOOD).flatmap(lambda frame: st.integers(0, len(frame) - 1).map(lambda end: frame[:end]))


@settings(max_examples=400)
@given(st.lists(st.one_of(mutated(), cut, st.binary(max_size=40)), min_size=1, max_size=4))
def test_a_feed_survives_any_frame(frames: list[bytes]) -> None:
    feed = proven()
    for at, frame in enumerate(frames):
        before, error = feed.counts(), taken(feed, at_ns(200 + at), frame)
        if error:
            assert "\n" not in error
            assert feed.counts() == before
            quoted = control.disconnected(f"bad frame: {error}", frame)
            assert control.read(quoted).frame == frame.decode(errors="backslashreplace")
            feed.feed(at_ns(200 + at), quoted)
    assert heals(feed)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (b"", "frame of ETHUSDT: Input data was truncated"),
        (b"\x00\xff\x01", "frame of ETHUSDT: JSON is malformed"),
        (b"5" * 5_000_000, "frame of ETHUSDT: "),
        (DEEP, "frame of ETHUSDT: nested too deeply"),
        (b'{"stream":"ethusdt@depth@100ms","data":' + DEEP + b"1" + b"}" * 100_001, "nested too deeply"),
        (b'{"e":"depthUpdate","E":1790000000123,"s":"ETHUSDT","U":1,"u":' + b"9" * 400 + b',"b":[],"a":[]}', "`$.u`"),
        (depth(200, 12, 12).replace(b'"U"', b'"pu": 11, "U"'), "USD-M futures frames (pu); expected Binance Spot"),
        (print_(200, 1, 3_000_000_000), "3000000000 units of 0.1; expected 2147483647 or less"),
    ],
)
def test_a_frame_that_cannot_be_read_is_one_line(frame: bytes, message: str) -> None:
    feed = proven()
    with pytest.raises(FrameError) as error:
        feed.feed(at_ns(200), frame)
    assert message in str(error.value)
    assert len(str(error.value)) < 300
    assert feed.is_valid
    assert heals(feed)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (depth(200, 12, 12), "a combined frame; expected lastUpdateId, bids and asks"),
        (b'{"e":"depthUpdate","E":1790000000123,"s":"ETHUSDT","U":1,"u":2,"b":[],"a":[]}', "a depthUpdate; expected"),
        (info(), "a exchangeInfo; expected"),
        (b'{"code":-1121,"msg":"Invalid symbol."}', "a control; expected"),
        (b"<html>", "malformed"),
        (b"", "truncated"),
        (DEEP, ""),
        (b'{"lastUpdateId":5,"bids":[["1","1"]]}', "missing required field `asks`"),
    ],
)
def test_an_answer_that_is_no_snapshot_is_refused(body: bytes, message: str) -> None:
    check_snapshot_body(book(5, [(1000, 1)], [(1001, 1)]))
    with pytest.raises(FrameError, match=r"^depth snapshot: ") as error:
        check_snapshot_body(body)
    assert message in str(error.value)
