"""exchangeInfo to an instrument definition."""

import gzip
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mm_core.events import InstrumentDefined
from mm_venues.binance.rules import parse_exchange_info
from mm_venues.frame_error import FrameError

INFO = (Path(__file__).parent / "frames" / "exchange_info.json").read_bytes()
ETH = InstrumentDefined(
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
)


def info(**symbol: Any) -> bytes:
    """ExchangeInfo of ETHUSDT with other values; a list of filters is put behind its own."""
    sections = msgspec.json.decode(INFO)
    eth = sections["symbols"][0]
    eth["filters"] += symbol.pop("filters", [])
    return msgspec.json.encode({"symbols": [eth | symbol]})


def test_tick_comes_from_price_filter_and_lot_from_lot_size() -> None:
    assert parse_exchange_info(INFO, "ETHUSDT") == ETH


def test_a_status_that_is_not_trading_is_passed_on() -> None:
    assert parse_exchange_info(info(status="HALT"), "ETHUSDT").status == "HALT"


BOTH = {"filterType": "PERCENT_PRICE", "multiplierUp": "5", "multiplierDown": "0.2", "avgPriceMins": 5}
BY_SIDE = {
    "filterType": "PERCENT_PRICE_BY_SIDE",
    "bidMultiplierUp": "1.2",
    "bidMultiplierDown": "0.2",
    "askMultiplierUp": "5",
    "askMultiplierDown": "0.80000001",  # finer than what we hold: rounded inward
}


@pytest.mark.parametrize(
    ("filters", "ppm"),
    [
        ([], (0, 0, 0, 0)),
        ([BOTH], (5_000_000, 200_000, 5_000_000, 200_000)),
        ([BY_SIDE], (1_200_000, 200_000, 5_000_000, 800_001)),
        ([BOTH, BY_SIDE], (1_200_000, 200_000, 5_000_000, 800_001)),
    ],
)
def test_a_price_may_deviate_by_side_or_on_both_alike(filters: list[Any], ppm: tuple[int, ...]) -> None:
    defined = parse_exchange_info(info(filters=filters), "ETHUSDT")
    assert (defined.bid_up_ppm, defined.bid_down_ppm, defined.ask_up_ppm, defined.ask_down_ppm) == ppm


def test_the_other_filters_are_read() -> None:
    rules = [
        {"filterType": "NOTIONAL", "minNotional": "6.5", "maxNotional": "9000000.00000000"},
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
        {"filterType": "ICEBERG_PARTS", "limit": 10},
    ]
    defined = parse_exchange_info(info(filters=rules), "ETHUSDT")
    assert (defined.notional_e9_min, defined.notional_e9_max) == (6_500_000_000, 9_000_000 * 10**9)
    assert defined.orders_max == 200


def test_bounds_that_are_no_whole_ticks_or_lots_of_a_given_size_round_inward() -> None:
    defined = parse_exchange_info(INFO, "ETHUSDT", tick_size="0.3", lot_size="0.007")
    assert (defined.price_ticks_min, defined.price_ticks_max) == (1, 333_333)
    assert (defined.qty_lots_min, defined.qty_lots_max) == (1, 1_285_714)


def test_a_given_lot_size_changes_what_the_least_quantity_counts() -> None:
    defined = parse_exchange_info(INFO, "ETHUSDT", lot_size="0.0001")
    assert (defined.tick_size, defined.lot_size, defined.qty_lots_min) == ("0.1", "0.0001", 20)


@pytest.mark.parametrize(
    ("data", "symbol", "message"),
    [
        (INFO, "BTCUSDT", "no symbol BTCUSDT among its 2"),
        (INFO, "OFFUSDT", "tickSize '0.00000000': expected a number above 0"),
        (INFO.replace(b"LOT_SIZE", b"LOTS"), "ETHUSDT", "ETHUSDT has no LOT_SIZE"),
        (INFO.replace(b"9000.0", b"0.0005"), "ETHUSDT", "maxQty 0.00050000000: less than one unit of 0.001"),
        (INFO.replace(b"5.00000000", b"1e999999999"), "ETHUSDT", "minNotional '1e999999999': expected a decimal"),
        (INFO.replace(b'"0.00200000"', b'"-1"'), "ETHUSDT", "minQty '-1': expected a decimal number that is not"),
        (b"[]", "ETHUSDT", "Expected `object`, got `array`"),
    ],
)
def test_rules_without_a_usable_grid_are_an_error(data: bytes, symbol: str, message: str) -> None:
    with pytest.raises(FrameError, match=message.replace("`", ".")):
        parse_exchange_info(data, symbol)


def test_the_recorded_exchange_info_defines_btcusdt(shared_data: Path) -> None:
    recorded = gzip.decompress((shared_data / "binance_spot" / "BINANCE.0.gz").read_bytes())
    body = recorded.splitlines()[0].split(b": ", 1)[1]
    defined = parse_exchange_info(body, "BTCUSDT")
    assert (defined.tick_size, defined.lot_size, defined.qty_lots_min) == ("0.01", "0.00001", 1)
    assert (defined.base, defined.quote, defined.notional_e9_min) == ("BTC", "USDT", 10_000_000_000)
