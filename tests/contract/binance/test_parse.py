"""Frames to facts: every kind that README.md lists, and what is refused."""

from pathlib import Path
from typing import Any

import pytest

from mm_core.events import BookDelta, BookSnapshot, BookTop, Event, InstrumentDefined, Trade
from mm_core.types import Side
from mm_venues.binance.parse import Parser, to_ns
from mm_venues.frame_error import FrameError

FRAMES = Path(__file__).parent / "frames"
ETH = InstrumentDefined(
    instrument_id="binance.ETHUSDT", ts_ns=0, venue_symbol="ETHUSDT", tick_size="0.1", lot_size="0.001"
)
RECV_NS = 1_790_000_000_200_000_001
DEPTH_NS = 1_790_000_000_023_000_000
MARKET: dict[str, Any] = {"instrument_id": "binance.ETHUSDT", "recv_ns": RECV_NS}
DELTA = BookDelta(
    **MARKET,
    ts_ns=1_790_000_000_123_000_000,
    first_update_id=5001,
    update_id=5007,
    bid_ticks=(24501, 24490),
    bid_lots=(3200, 0),
    ask_ticks=(24502,),
    ask_lots=(500,),
)
NOTHING: dict[str, Any] = {"bid_ticks": (), "bid_lots": (), "ask_ticks": (), "ask_lots": ()}


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("depth.raw", "depthUpdate", DELTA),
        ("depth.combined", "depthUpdate", DELTA),
        (
            "depth.microseconds",
            "depthUpdate",
            BookDelta(**MARKET, ts_ns=1_790_000_000_123_456_000, first_update_id=5008, update_id=5008, **NOTHING),
        ),
        (
            "depth.other_order",
            "depthUpdate",
            BookDelta(
                **MARKET,
                ts_ns=1_790_000_000_223_000_000,
                first_update_id=5009,
                update_id=5009,
                **(NOTHING | {"bid_ticks": (24501,), "bid_lots": (1000,)}),
            ),
        ),
        (
            "trade.raw",
            "trade",
            Trade(
                **MARKET,
                ts_ns=1_790_000_000_122_000_000,
                trade_id=881,
                side=Side.SELL,
                price_ticks=24501,
                qty_lots=500,
            ),
        ),
        (
            "trade.combined",
            "trade",
            Trade(
                **MARKET,
                ts_ns=1_790_000_000_122_000_000,
                trade_id=882,
                side=Side.BUY,
                price_ticks=24502,
                qty_lots=250,
            ),
        ),
        (
            "agg_trade.combined",
            "aggTrade",
            Trade(
                **MARKET,
                ts_ns=1_790_000_000_122_000_000,
                trade_id=77,
                side=Side.SELL,
                price_ticks=24501,
                qty_lots=750,
            ),
        ),
        (
            "book_ticker.raw",
            "bookTicker",
            BookTop(
                **MARKET,
                ts_ns=DEPTH_NS,
                update_id=5007,
                bid_ticks=24501,
                bid_lots=3200,
                ask_ticks=24503,
                ask_lots=1000,
            ),
        ),
        (
            "book_ticker.one_sided",
            "bookTicker",
            BookTop(**MARKET, ts_ns=DEPTH_NS, update_id=5010, bid_ticks=0, bid_lots=0, ask_ticks=24503, ask_lots=1000),
        ),
        (
            "snapshot.raw",
            "snapshot",
            BookSnapshot(
                **MARKET,
                ts_ns=DEPTH_NS,
                update_id=5003,
                bid_ticks=(24501, 24500),
                bid_lots=(3200, 1000),
                ask_ticks=(24503,),
                ask_lots=(1000,),
            ),
        ),
        ("partial_depth.combined", "partialDepth", None),
        ("kline.combined", "kline", None),
        ("kline.raw", "kline", None),
        ("subscribed", "control", None),
        ("refused", "control", None),
        ("refused.older", "control", None),
        ("shutdown.raw", "serverShutdown", None),
        ("shutdown.combined", "serverShutdown", None),
        (
            "exchange_info",
            "exchangeInfo",
            InstrumentDefined(
                instrument_id="binance.ETHUSDT",
                ts_ns=0,
                venue_symbol="ETHUSDT",
                tick_size="0.1",
                lot_size="0.001",
                base="ETH",
                quote="USDT",
                qty_lots_min=2,
                notional_e9_min=5_000_000_000,
                qty_lots_max=9_000_000,
                price_ticks_min=1,
                price_ticks_max=1_000_000,
            ),
        ),
    ],
)
def test_each_kind_of_frame_is_read(name: str, kind: str, expected: Event | None) -> None:
    frame = (FRAMES / f"{name}.json").read_bytes()
    assert Parser(ETH).parse(RECV_NS, frame, DEPTH_NS) == (kind, expected)


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("depth.raw", '"U":5001,"u":5007', '"U":5001', "missing required field `u`"),
        ("depth.raw", '"U":5001', '"U":5008', "U 5008 is larger than u 5007"),
        ("depth.raw", '"U":5001', '"U":"5001"', "Expected `int`, got `str`"),
        ("depth.raw", '"u":5007', '"u":9223372036854775808', "Expected `int` <= 9223372036854775807"),
        ("depth.raw", '"u":5007', '"u":-1', "Expected `int` >= 0"),
        ("depth.raw", "1790000000123", "1790000000", "expected 13 digits (ms) or 16 digits (us)"),
        ("depth.raw", '"3.20000000"]', '"3.20000000","1"]', "Expected `array` of length 2"),
        ("depth.raw", '"2450.10000000"', "2450.1", "Expected `str`, got `float`"),
        ("depth.raw", '"2450.10000000"', '"2450.15000000"', "price 2450.15000000 is not a multiple of 0.1"),
        ("depth.raw", '"2450.10000000"', '"0.00000000"', "expected a price above 0"),
        ("depth.raw", '"2450.10000000"', '"NaN"', "price 'NaN': expected a decimal number"),
        ("depth.raw", '"3.20000000"', '"-3.20000000"', "quantity '-3.20000000': expected a decimal number"),
        ("depth.raw", '"ETHUSDT"', '"BTCUSDT"', "wrong symbol BTCUSDT, expected ETHUSDT"),
        ("depth.combined", "ethusdt@", "btcusdt@", "wrong symbol BTCUSDT, expected ETHUSDT"),
        ("depth.combined", '"ETHUSDT"', '"BTCUSDT"', "wrong symbol BTCUSDT, expected ETHUSDT"),
        ("depth.combined", "@depth@100ms", "@trade", "Invalid enum value 'depthUpdate'"),
        ("partial_depth.combined", "ethusdt@", "btcusdt@", "wrong symbol BTCUSDT, expected ETHUSDT"),
        ("trade.raw", '"0.50000000"', '"0.50010000"', "quantity 0.50010000 is not a multiple of 0.001"),
        ("trade.raw", '"0.50000000"', '"0.00000000"', "expected both above 0"),
        ("trade.raw", '"m":true', '"m":1', "Expected `bool`, got `int`"),
        ("book_ticker.raw", '"ETHUSDT"', '"BTCUSDT"', "wrong symbol BTCUSDT"),
        ("snapshot.raw", "2450.00000000", "2450.10000000", "expected each side best first"),
        ("snapshot.raw", "}", "", "truncated"),
        ("subscribed", '"result"', '"resalt"', "unknown frame: expected"),
        ("subscribed", '{"result":null,"id":7}', "[]", "Expected `object`, got `array`"),
        ("subscribed", '{"result":null,"id":7}\n', "", "truncated"),
    ],
)
def test_a_bad_frame_is_an_error_that_names_what_is_wrong(name: str, old: str, new: str, message: str) -> None:
    frame = (FRAMES / f"{name}.json").read_text()
    assert old in frame
    with pytest.raises(FrameError) as error:
        Parser(ETH).parse(RECV_NS, frame.replace(old, new).encode(), DEPTH_NS)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_level_that_is_no_whole_number_of_lots_counts_in_whole_lots() -> None:
    parser = Parser(ETH)
    frame = (FRAMES / "depth.raw.json").read_bytes().replace(b"3.20000000", b"3.20090000")
    assert parser.parse(RECV_NS, frame, DEPTH_NS) == ("depthUpdate", DELTA)
    assert parser.off_lot_levels == 1


def test_a_snapshot_level_of_less_than_a_lot_is_no_level() -> None:
    frame = (FRAMES / "snapshot.raw.json").read_bytes().replace(b"3.20000000", b"0.00010000")
    _, snapshot = Parser(ETH).parse(RECV_NS, frame, DEPTH_NS)
    assert isinstance(snapshot, BookSnapshot)
    assert (snapshot.bid_ticks, snapshot.bid_lots) == ((24500,), (1000,))


@pytest.mark.parametrize("time", [0, 1_790_000_000, 17_900_000_000_123, 1_790_000_000_123_456_789])
def test_a_time_that_is_neither_ms_nor_us_is_refused(time: int) -> None:
    with pytest.raises(ValueError, match="expected 13 digits"):
        to_ns(time)
