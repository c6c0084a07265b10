"""One symbol's recorded frames as its market: what is sent, and what REST knows."""

import json

import pytest
from tests.venue.market import ETH, FIRST_NS, book, diff, trade

from mm_core.types import NS_PER_S
from mm_venues.binance.venue import rest
from mm_venues.binance.venue.market import Ahead, Market, look_ahead
from mm_venues.frame_error import FrameError

TICKER = b'{"u":5,"s":"ETHUSDT","b":"2450.10000000","B":"5.00000000","a":"2450.30000000","A":"1.00000000"}'
NO_BOOK = {"lastUpdateId": 9, "bids": [["1.1", "1"], ["10.0", "2"], ["2.0", "3"]], "asks": [["20.0", "1"]]}


def market(*frames: bytes, begin_ns: int = FIRST_NS) -> Market:
    """A market that has taken these frames, all at once."""
    made = Market(ETH, Ahead())
    for frame in frames:
        made.take(begin_ns, frame)
    return made


def levels(body: bytes | None) -> tuple[int, int, int]:
    """The id of a snapshot, and how many levels its sides have."""
    assert body is not None
    snapshot = json.loads(body)
    return snapshot["lastUpdateId"], len(snapshot["bids"]), len(snapshot["asks"])


def test_a_combined_frame_is_sent_as_it_was_and_its_payload_raw() -> None:
    (sent,) = Market(ETH, Ahead()).take(FIRST_NS, trade(7) + b"\n")
    assert sent.stream == "ethusdt@trade"
    assert sent.combined == trade(7)
    assert sent.payload == trade(7).partition(b'"data":')[2][:-1]


def test_a_raw_frame_is_sent_on_the_stream_of_its_event() -> None:
    sent = Market(ETH, Ahead()).take(FIRST_NS, TICKER)
    assert [(each.stream, each.payload) for each in sent] == [("ethusdt@bookTicker", TICKER)]
    assert sent[0].combined == b'{"stream":"ethusdt@bookTicker","data":' + TICKER + b"}"


@pytest.mark.parametrize(
    "frame", [book(3), b'{"crypto_mm":"disconnected","reason":"stopped"}', b'{"result":null,"id":1}']
)
def test_what_no_stream_sent_is_not_sent(frame: bytes) -> None:
    assert Market(ETH, Ahead()).take(FIRST_NS, frame) == []


@pytest.mark.parametrize("frame", [b"nope", b'{"stream":"ethusdt@depth@100ms","data":{"e":"depthUpdate"}}'])
def test_a_frame_that_is_none_is_an_error(frame: bytes) -> None:
    with pytest.raises(FrameError):
        Market(ETH, Ahead()).take(FIRST_NS, frame)


def test_a_frame_of_another_symbol_is_an_error() -> None:
    with pytest.raises(FrameError, match="symbol BTCUSDT; expected ETHUSDT"):
        Market(ETH, Ahead()).take(FIRST_NS, diff(1, 1).replace(b"ETHUSDT", b"BTCUSDT"))


def test_the_snapshot_is_held_with_its_bytes_until_it_is_released() -> None:
    made = market(diff(1, 2), diff(3, 4), book(3))
    assert made.is_held
    assert made.snapshot(5_000) == book(3)
    made.release()
    assert not made.is_held
    assert levels(made.snapshot(5_000)) == (4, 1, 1)  # the diff in front of the snapshot that it did not hold
    assert b'"4.00000000"' in (made.snapshot(5_000) or b"")


def test_a_snapshot_that_was_fetched_before_the_market_began_is_not_held() -> None:
    made = Market(ETH, Ahead(snapshot=book(3)))
    assert made.snapshot(5_000) == book(3)
    for frame in (diff(1, 2), diff(3, 4)):
        made.take(FIRST_NS, frame)
        assert made.snapshot(5_000) is None
    made.take(FIRST_NS, book(3))
    assert not made.is_held
    assert levels(made.snapshot(5_000)) == (4, 1, 1)


def test_only_the_snapshot_that_makes_the_book_known_is_held() -> None:
    made = market(diff(1, 1), book(1))
    made.release()
    made.take(FIRST_NS, diff(2, 2))
    made.take(FIRST_NS, book(2))
    assert not made.is_held


def test_behind_a_hole_there_is_no_book_until_the_next_snapshot() -> None:
    made = market(diff(1, 1), book(1))
    made.release()
    made.take(FIRST_NS, diff(3, 3))
    assert made.snapshot(100) is None
    made.take(FIRST_NS, book(1))  # too old
    assert made.snapshot(100) is None
    made.take(FIRST_NS, book(3))
    assert made.is_held


def test_a_snapshot_has_the_best_levels_first_and_no_more_than_requested() -> None:
    body = json.dumps(NO_BOOK).encode()
    made = market(diff(9, 9), body)
    assert json.loads(made.snapshot(1) or b"")["bids"] == [["1.1", "1"]]  # of the recorded one, as it was
    made.release()
    snapshot = json.loads(made.snapshot(2) or b"")
    assert snapshot["bids"] == [["10.0", "2"], ["2.0", "3"]]


def test_the_book_of_now_has_what_diffs_set_and_not_what_they_removed() -> None:
    made = market(diff(1, 1), book(1))
    made.release()
    made.take(
        FIRST_NS, diff(2, 2).replace(b'"b":[', b'"b":[["2449.0","7.0"],').replace(b'"2.00000000"', b'"0.00000000"')
    )
    snapshot = json.loads(made.snapshot(100) or b"")
    assert (snapshot["bids"], snapshot["asks"]) == ([["2449.0", "7.0"]], [["2450.30000000", "1.00000000"]])


def test_a_second_of_diffs_is_merged_for_the_slow_stream() -> None:
    made = Market(ETH, Ahead())
    sent = [made.take(FIRST_NS + at * NS_PER_S // 10, diff(at, at)) for at in range(1, 14)]
    slow = [each for part in sent for each in part if each.stream == "ethusdt@depth"]
    assert len(slow) == 1
    merged = json.loads(slow[0].payload)
    assert (merged["U"], merged["u"], merged["b"]) == (1, 10, [["2450.10000000", "10.00000000"]])
    (rest_of_it,) = made.end()
    assert (json.loads(rest_of_it.payload)["U"], json.loads(rest_of_it.payload)["u"]) == (11, 13)


def test_a_held_market_has_sent_its_diffs_on_the_slow_stream_too() -> None:
    made = Market(ETH, Ahead())
    made.take(FIRST_NS, diff(1, 1))
    assert [each.stream for each in made.take(FIRST_NS + 1, book(1))] == ["ethusdt@depth"]


def test_trades_and_the_touch_are_those_sent_last() -> None:
    made = market(*(trade(at) for at in range(1, 6)), TICKER)
    assert [each["id"] for each in json.loads(rest.trades(made, 2))] == [4, 5]
    assert json.loads(rest.tops([made], is_one=True))["bidQty"] == "5.00000000"


def test_looking_ahead_finds_the_first_snapshot_and_the_exchanges_clock() -> None:
    frames = [(FIRST_NS, trade(1)), (FIRST_NS + 1, diff(1, 1)), (FIRST_NS + 2, book(1)), (FIRST_NS + 3, book(2))]
    assert look_ahead(frames) == Ahead(FIRST_NS, 1_000_000, book(1))
    assert look_ahead(frames[:2]) == Ahead(FIRST_NS, 1_000_000, b"")
    raw = trade(1).partition(b'"data":')[2][:-1]
    assert look_ahead([(FIRST_NS, TICKER), (FIRST_NS, raw)]).skew_ns == 1_000_000
    assert look_ahead([(FIRST_NS, book(1)), (FIRST_NS, raw)]) == Ahead(FIRST_NS, 1_000_000, book(1))


@pytest.mark.parametrize("frame", [b"nope", b'{"e":"trade","E":"x"}', b'{"e":"trade","E":12}'])
def test_looking_ahead_refuses_what_is_no_event(frame: bytes) -> None:
    with pytest.raises(FrameError):
        look_ahead([(FIRST_NS, frame)])
