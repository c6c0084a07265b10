"""The venue's side of the protocol without a socket: requests, REST, limits, clock."""

import json
from typing import Any

import pytest
from tests.venue.market import ETH

from mm_core.types import NS_PER_S
from mm_venues.binance.rules import parse_exchange_info
from mm_venues.binance.venue import rest
from mm_venues.binance.venue.limits import Address, Keepalive, Limits, Talk
from mm_venues.binance.venue.market import Ahead, Market
from mm_venues.binance.venue.requests import RefusedError, Subscriptions, opened
from mm_venues.market_clock import MarketClock

MARKETS = {"ETHUSDT": Market(ETH, Ahead())}
REFUSED = "Invalid request: "


@pytest.mark.parametrize(
    ("path", "query", "streams", "is_combined"),
    [
        ("/ws", "", [], False),
        ("/ws/ethusdt@trade", "", ["ethusdt@trade"], False),
        ("/ws/a@trade/b@depth@100ms", "", ["a@trade", "b@depth@100ms"], False),
        ("/stream", "", [], True),
        ("/stream", "streams=a@trade/b@trade", ["a@trade", "b@trade"], True),
        ("/stream/ws/0", "", ["0"], False),
        ("/ws", "timeUnit=millisecond", [], False),
    ],
)
def test_an_address_names_what_is_subscribed_to(path: str, query: str, streams: list[str], is_combined: bool) -> None:
    subscriptions = opened(path, query, 10)
    assert (list(subscriptions.streams), subscriptions.is_combined) == (streams, is_combined)


@pytest.mark.parametrize(("query", "refusal"), [("timeUnit=MICROSECOND", "timeUnit"), ("streams=a/b/c", "2 streams")])
def test_an_address_that_asks_for_too_much_is_refused(query: str, refusal: str) -> None:
    with pytest.raises(RefusedError, match=refusal):
        opened("/stream", query, 2)


@pytest.mark.parametrize(
    ("message", "reply"),
    [
        ({"method": "SUBSCRIBE", "params": ["b@trade"], "id": 7}, {"result": None, "id": 7}),
        ({"method": "UNSUBSCRIBE", "params": ["a@trade"], "id": "a-1"}, {"result": None, "id": "a-1"}),
        ({"method": "LIST_SUBSCRIPTIONS", "id": None}, {"result": ["a@trade"], "id": None}),
        ({"method": "GET_PROPERTY", "params": ["combined"], "id": 2}, {"result": False, "id": 2}),
        ({"method": "SET_PROPERTY", "params": ["combined", True], "id": 3}, {"result": None, "id": 3}),
        ({"method": "SET_PROPERTY", "params": ["x", True], "id": 3}, {"code": 0, "msg": "Unknown property", "id": 3}),
        (
            {"method": "SET_PROPERTY", "params": ["combined", 1], "id": 3},
            {"code": 1, "msg": "Invalid value type: expected Boolean", "id": 3},
        ),
        (
            {"method": "GET_PROPERTY", "params": [1]},
            {"code": 2, "msg": f"{REFUSED}property name must be a string"},
        ),
        (
            {"method": "GET_PROPERTY", "params": ["combined", 1]},
            {"code": 2, "msg": f"{REFUSED}too many parameters"},
        ),
        (
            {"method": "SUBSCRIBE", "params": ["b@trade"], "id": 1.5},
            {"code": 2, "msg": f"{REFUSED}request ID must be an unsigned integer"},
        ),
        ({"id": 1}, {"code": 2, "msg": f"{REFUSED}missing field `method` at line 1 column 9"}),
    ],
)
def test_requests_are_answered_as_binance_does(message: dict[str, Any], reply: dict[str, Any]) -> None:
    subscriptions = opened("/ws/a@trade", "", 10)
    assert json.loads(subscriptions.answer(json.dumps(message))) == reply


def test_what_is_no_request_is_refused_and_touches_nothing() -> None:
    subscriptions = opened("/ws/a@trade", "", 2)
    for text, code in (("nope", 3), ("[]", 2), ('{"method":"PLACE","id":1}', 2)):
        assert json.loads(subscriptions.answer(text))["code"] == code
    assert json.loads(subscriptions.answer('{"method":"SUBSCRIBE","params":["b","c"],"id":1}'))["code"] == 2
    assert list(subscriptions.streams) == ["a@trade"]


def test_subscriptions_change_with_requests() -> None:
    subscriptions = Subscriptions(is_combined=True, streams_max=10)
    subscriptions.answer('{"method":"SUBSCRIBE","params":["a@trade","b@trade"],"id":1}')
    subscriptions.answer('{"method":"UNSUBSCRIBE","params":["a@trade","c@trade"],"id":2}')
    subscriptions.answer('{"method":"SET_PROPERTY","params":["combined",false],"id":3}')
    assert (list(subscriptions.streams), subscriptions.is_combined) == (["b@trade"], False)


@pytest.mark.parametrize(
    ("query", "code"),
    [({}, -1102), ({"symbol": ""}, -1102), ({"symbol": "ethusdt"}, -1100), ({"symbol": "ETHUSTD"}, -1121)],
)
def test_a_symbol_that_is_none_is_refused_by_its_code(query: dict[str, str], code: int) -> None:
    with pytest.raises(rest.RestRefusedError) as error:
        rest.the_market(MARKETS, query)
    assert (error.value.status, json.loads(error.value.body)["code"]) == (400, code)


@pytest.mark.parametrize(("limit", "code"), [("x", -1100), ("-1", -1100), ("1.5", -1100), ("", -1100), ("0", -1130)])
def test_a_limit_that_is_none_is_refused_by_its_code(limit: str, code: int) -> None:
    with pytest.raises(rest.RestRefusedError) as error:
        rest.the_limit({"limit": limit}, 100, 5_000)
    assert json.loads(error.value.body)["code"] == code


def test_limits_have_a_default_a_most_and_a_weight() -> None:
    assert [rest.the_limit(query, 100, 5_000) for query in ({}, {"limit": "7"}, {"limit": "9999"})] == [100, 7, 5_000]
    limits = (100, 101, 500, 501, 1_000, 1_001, 5_000)
    assert [rest.depth_weight(limit) for limit in limits] == [5, 25, 25, 50, 50, 250, 250]


def test_exchange_info_leads_our_own_client_to_the_instrument() -> None:
    body = rest.exchange_info(rest.requested_markets(MARKETS, {}), 1_790_000_000_000)
    defined = parse_exchange_info(body, "ETHUSDT")
    assert (defined.tick_size, defined.lot_size, defined.base, defined.quote) == ("0.1", "0.001", "ETH", "USDT")
    assert json.loads(body)["symbols"][0]["filters"][0]["filterType"] == "PRICE_FILTER"


@pytest.mark.parametrize(("symbols", "code"), [("ETHUSDT", -1100), ('["ETHUSTD"]', -1121), ('["e"]', -1100)])
def test_symbols_that_are_none_are_refused(symbols: str, code: int) -> None:
    assert [market.symbol for market in rest.requested_markets(MARKETS, {"symbols": '["ETHUSDT"]'})] == ["ETHUSDT"]
    with pytest.raises(rest.RestRefusedError) as error:
        rest.requested_markets(MARKETS, {"symbols": symbols})
    assert json.loads(error.value.body)["code"] == code


def test_a_ping_without_a_pong_is_death_and_an_unasked_pong_is_no_life() -> None:
    keepalive = Keepalive(Limits())
    keepalive.pinged(b"1", 0.0)
    keepalive.pinged(b"2", 20.0)
    assert not keepalive.is_dead(60.0)
    assert not keepalive.ponged(b"")
    assert keepalive.is_dead(60.1)
    assert keepalive.ponged(b"1")
    assert (keepalive.is_dead(80.0), keepalive.is_dead(80.1)) == (False, True)
    assert keepalive.ponged(b"2")
    assert not keepalive.is_dead(1e9)


def test_the_sixth_message_of_a_second_is_one_too_many() -> None:
    talk = Talk(Limits())
    assert [talk.is_too_much(at / 10) for at in range(6)] == [False] * 5 + [True]
    assert not talk.is_too_much(1.0)


def test_an_address_has_a_weight_a_minute_and_connections_in_five() -> None:
    address = Address(Limits(weight_max=10, connects_max=2))
    assert [address.spend(5, 1_790_000_000.0) for _ in range(3)] == [0.0, 0.0, 40.0]
    assert (address.spend(5, 1_790_000_040.0), address.weight) == (0.0, 5)
    assert [address.connect_wait_s(now_s) for now_s in (0.0, 1.0, 2.0, 300.0)] == [0.0, 0.0, 298.0, 0.0]


def test_market_time_runs_at_its_speed_and_stands_still() -> None:
    clock = MarketClock(100 * NS_PER_S, 10.0)
    assert clock.time_ns(5.0) == 100 * NS_PER_S
    clock.start(5.0)
    assert (clock.time_ns(6.0), clock.wait_s(120 * NS_PER_S, 6.0)) == (110 * NS_PER_S, 1.0)
    clock.stop(6.0)
    clock.start(60.0)
    assert clock.time_ns(61.0) == 120 * NS_PER_S


def test_at_full_speed_time_is_that_of_the_frames() -> None:
    clock = MarketClock(100, 0.0)
    clock.start(5.0)
    clock.reached(300)
    clock.reached(200)
    assert (clock.wait_s(10**18, 6.0), clock.time_ns(7.0)) == (0.0, 300)
