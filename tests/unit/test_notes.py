"""Notes on a configuration at the start: refusals of what can never quote, and which of two limits binds."""

from typing import Any

import msgspec
import pytest

from mm_core.events import InstrumentDefined
from mm_core.setup.config import to_config
from mm_core.setup.notes import start_notes
from mm_core.types import InputError

LIMITS = {"default_limits": False}


def notes(sections: dict[str, Any], **filters: int) -> list[str]:
    """The notes for an instrument of these filters, in lots."""
    instrument = InstrumentDefined(
        instrument_id="binance.BTCUSDT",
        venue_symbol="BTCUSDT",
        ts_ns=0,
        tick_size="0.01",
        lot_size="0.00001",
    )
    return start_notes(to_config(sections), msgspec.structs.replace(instrument, **filters))


@pytest.mark.parametrize(
    ("sections", "filters", "message"),
    [
        (
            {"quoter": {"half_spread_bps_min": 51.0}, "risk": {"collar_bps": 50.0}},
            {},
            "[quoter] half_spread_bps_min: 51 is beyond [risk] collar_bps 50: every order would be denied",
        ),
        ({"quoter": {"half_spread_bps_min": 501.0}}, {}, "is beyond [risk] collar_bps 500: every order"),
        (
            {"quoter": {"order_qty_base": "0.00002"}},
            {"qty_lots_min": 3},
            (
                "[quoter] order_qty_base: 0.00002 is below the venue's smallest order 0.00003: none would be let "
                "through; expected 0.00003 or more"
            ),
        ),
        ({"risk": {"order_max_base": 0}}, {}, "[risk] order_max_base: 0 is below the venue's smallest order 0.00001"),
        ({"risk": {"position_max_base": 0}}, {}, "[risk] position_max_base: 0 is below the venue's smallest order"),
        ({"risk": {"notional_max_quote": 0}}, {}, "[risk] notional_max_quote: 0 lets no order through"),
        ({"risk": {"order_value_max_quote": 0}}, {}, "[risk] order_value_max_quote: 0 lets no order through"),
        ({"risk": {"account_mode": "spot"}}, {}, "[risk] account_mode spot: base_balance and quote_balance are 0"),
    ],
)
def test_what_can_never_quote_is_refused(sections: dict[str, Any], filters: dict[str, int], message: str) -> None:
    with pytest.raises(InputError) as error:
        notes(sections, **filters)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        ({"risk": LIMITS}, []),
        (
            {},
            [
                (
                    "limits by default ([risk] default_limits): order 0.001, position 0.012, collar 500 bps, "
                    "loss of the session 2 % of the largest position's value at the first mid"
                )
            ],
        ),
        (
            {"quoter": {"order_qty_base": "0.2"}, "risk": LIMITS | {"order_max_base": "0.1"}},
            ["order size: [risk] order_max_base 0.1 binds; [quoter] order_qty_base 0.2 is cut to it"],
        ),
        (
            {"quoter": {"position_max_base": "0.6"}, "risk": LIMITS | {"position_max_base": "0.5"}},
            [
                (
                    "position: [risk] position_max_base 0.5 binds; orders that [quoter] position_max_base 0.6 would "
                    "place beyond it are cut or denied"
                )
            ],
        ),
        (
            {"quoter": {"position_max_base": "0.5"}, "risk": LIMITS | {"position_max_base": "0.6"}},
            [
                (
                    "position: [quoter] position_max_base 0.5 binds; [risk] position_max_base 0.6 only stops what is "
                    "still in flight then"
                )
            ],
        ),
        (
            {"risk": LIMITS | {"position_max_base": "0.5", "notional_max_quote": 1000}},
            ["position: [risk] notional_max_quote 1000 binds at prices above 2000, below it position_max_base 0.5"],
        ),
        (
            {"risk": LIMITS | {"loss_session_max_quote": 20, "loss_day_max_quote": 10}},
            ["loss: [risk] loss_day_max_quote 10 binds on the first day, not loss_session_max_quote 20"],
        ),
        (
            {"quoter": {"half_spread_bps_max": 60.0}, "risk": LIMITS | {"collar_bps": 50.0}},
            [
                (
                    "half-spread: [risk] collar_bps 50 binds; quotes beyond it, up to [quoter] half_spread_bps_max 60, "
                    "are denied"
                )
            ],
        ),
        (
            {"quoter": {"levels": 2}, "risk": LIMITS | {"orders_per_window_max": 3}},
            ["order rate: [risk] orders_per_window_max 3 is fewer than the 4 orders of one decision"],
        ),
        (
            {"risk": LIMITS | {"account_mode": "spot", "quote_balance": 5}},
            ["balance: [risk] base_balance is 0: no sell until a buy has filled"],
        ),
    ],
)
def test_of_two_limits_the_one_that_binds_is_named(sections: dict[str, Any], expected: list[str]) -> None:
    assert notes(sections) == expected


def test_the_venues_largest_order_is_named_where_it_binds() -> None:
    assert notes({"risk": LIMITS}, qty_lots_max=50) == ["order size: the venue's largest order 0.0005 binds"]
