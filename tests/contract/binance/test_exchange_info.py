"""exchangeInfo to an instrument definition."""

import gzip
from pathlib import Path

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
)


def test_tick_comes_from_price_filter_and_lot_from_lot_size() -> None:
    assert parse_exchange_info(INFO, "ETHUSDT") == ETH


def test_a_given_lot_size_changes_what_the_least_quantity_counts() -> None:
    defined = parse_exchange_info(INFO, "ETHUSDT", lot_size="0.0001")
    assert (defined.tick_size, defined.lot_size, defined.qty_lots_min) == ("0.1", "0.0001", 20)


@pytest.mark.parametrize(
    ("data", "symbol", "message"),
    [
        (INFO, "BTCUSDT", "no symbol BTCUSDT among its 2"),
        (INFO, "OFFUSDT", "tickSize '0.00000000': expected a number above 0"),
        (INFO.replace(b"LOT_SIZE", b"LOTS"), "ETHUSDT", "ETHUSDT has no LOT_SIZE"),
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
