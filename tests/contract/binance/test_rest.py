"""The REST side: what is requested, what is refused, and the venue's clock."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from aiohttp import web
from tests.venue.market import book
from tests.venue.venue import Reply, Venue, answer, never, silence, snapshot

from mm_core.types import InputError
from mm_venues.binance.rest import Rest, RestError, retry_after_s
from mm_venues.port import ClockOffset


def ask(
    replies: list[Reply],
    test: Callable[[Venue, Rest], Awaitable[Any]],
    clock_ns: Callable[[], int] = lambda: 7,
    timeout_s: float = 10.0,
) -> Any:
    """What a test asks of a venue with these depth replies."""

    async def run() -> Any:
        async with (
            Venue("ETHUSDT", [silence], replies) as venue,
            Rest(f"http://{venue.url}/", timeout_s=timeout_s, clock_ns=clock_ns) as rest,
        ):
            return await test(venue, rest)

    return asyncio.run(run())


def test_a_snapshot_is_the_body_as_it_came_and_when() -> None:
    body = b" " + book(5) + b"\n"
    assert ask([snapshot(body)], lambda _, rest: rest.depth("ETHUSDT", 1000)) == (7, body)


def test_exchange_info_is_that_of_one_symbol() -> None:
    assert ask([], lambda _, rest: rest.exchange_info("ETHUSDT")) == b'{"symbols":[{"symbol":"ETHUSDT"}]}'


@pytest.mark.parametrize("symbol", ["ETHUSTD", "ethusdt", "ETH&limit=1"])
def test_an_unknown_symbol_is_one_clear_line(symbol: str) -> None:
    for call in (Rest.exchange_info, lambda rest, name: rest.depth(name, 5)):
        with pytest.raises(InputError, match=rf"^{symbol}: Binance knows no such symbol; expected one"):
            ask([never()], lambda _, rest, call=call: call(rest, symbol))  # type: ignore[misc]


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (answer(500, b"<html>"), "^depth: HTTP 500$"),
        (answer(400, b'{"code":-1102,"msg":"Mandatory parameter"}'), "^depth: HTTP 400 Mandatory parameter$"),
        (answer(302, b"", {"Location": "/elsewhere"}), "^depth: HTTP 302$"),
        (answer(200, bytes(9 << 20)), "^depth: more than 8 MiB$"),
    ],
)
def test_what_fails_is_an_error_that_allows_another_try(reply: Reply, message: str) -> None:
    with pytest.raises(RestError, match=message) as failed:
        ask([reply], lambda _, rest: rest.depth("ETHUSDT", 5))
    assert failed.value.retry_s == 0.0


def test_an_answer_that_does_not_come_is_an_error_that_allows_another_try() -> None:
    with pytest.raises(RestError, match=r"^depth: TimeoutError$"):
        ask([never()], lambda _, rest: rest.depth("ETHUSDT", 5), timeout_s=0.05)


def test_a_venue_that_is_not_there_is_an_error_that_allows_another_try() -> None:
    async def run() -> None:
        async with Venue("ETHUSDT", [silence], []) as venue:
            url = f"http://{venue.url}"
        async with Rest(url) as rest:
            await rest.exchange_info("ETHUSDT")

    with pytest.raises(RestError, match=r"^exchangeInfo: Cannot connect to host"):
        asyncio.run(run())


def test_an_address_that_is_none_is_one_clear_line() -> None:
    async def run() -> None:
        async with Rest("api.binance.com") as rest:
            await rest.exchange_info("ETHUSDT")

    with pytest.raises(InputError, match=r"^rest_url 'api.binance.com': expected an address such as https://"):
        asyncio.run(run())


@pytest.mark.parametrize("status", [429, 418])
def test_after_a_refusal_nothing_is_sent_until_retry_after_is_over(status: int) -> None:
    async def test(venue: Venue, rest: Rest) -> None:
        for _ in range(3):
            with pytest.raises(RestError) as failed:
                await rest.depth("ETHUSDT", 5)
            assert 299 < failed.value.retry_s <= 300
        assert venue.depth_requests == 1

    ask([answer(status, b'{"code":-1003,"msg":"Too much"}', {"Retry-After": "300"})], test)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(("7", 7.0), ("0.5", 0.5), ("999999999", 86_400.0), ("inf", 86_400.0)),
        *((text, 60.0) for text in (None, "", "0", "-5", "nan", "Wed, 21 Oct 2026 07:28:00 GMT")),
    ],
)
def test_retry_after_is_a_number_of_seconds_or_a_minute(text: str | None, expected: float) -> None:
    assert retry_after_s(text) == expected


def test_the_clock_offset_is_that_of_the_shortest_round_trip() -> None:
    served_us = iter([1_790_000_000_500_000, 1_790_000_000_600_000, 1_790_000_000_700_000])
    clock_ns: Iterator[int] = iter(
        1_790_000_000_000_000_000 + 1_000_000 * at
        # sent and received: 80 ms, then the clock steps back, then 20 ms
        for at in (0, 80, 200, 100, 300, 320)
    )

    async def reply(request: web.Request) -> web.StreamResponse:
        assert request.headers["X-MBX-TIME-UNIT"] == "MICROSECOND"
        return web.json_response({"serverTime": next(served_us)})

    async def test(venue: Venue, rest: Rest) -> ClockOffset:
        venue.time_replies += [reply] * 3
        return await rest.clock_offset(3)

    measured = ask([], test, lambda: next(clock_ns))
    assert measured == ClockOffset(offset_ns=390_000_000, rtt_ns=20_000_000)


@pytest.mark.parametrize("body", [b"{}", b"<html>", b'{"serverTime":1}'])
def test_a_time_that_is_none_is_an_error(body: bytes) -> None:
    async def test(venue: Venue, rest: Rest) -> ClockOffset:
        venue.time_replies.append(answer(200, body))
        return await rest.clock_offset()

    with pytest.raises(RestError, match=r"^time: "):
        ask([], test)


def test_calls_beyond_the_budget_wait_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mm_venues.binance.rest.WEIGHT_WINDOW_S", 300.0)

    async def test(venue: Venue, rest: Rest) -> int:
        calls = [asyncio.create_task(rest.depth("ETHUSDT", 5_000)) for _ in range(9)]
        await venue.until(lambda: venue.depth_requests == 4)  # of 250 each: 1,000 of 1,200
        for answered in itertools.islice(asyncio.as_completed(calls), 4):
            await answered
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        return venue.depth_requests

    assert ask([snapshot(book(5))], test) == 4


def test_a_call_that_waited_is_refused_by_a_ban_meanwhile() -> None:
    async def test(venue: Venue, rest: Rest) -> None:
        rest._turn = asyncio.Lock()
        await rest._turn.acquire()
        call = asyncio.create_task(rest.depth("ETHUSDT", 5))
        await asyncio.sleep(0)
        rest.pause(300.0, "banned")
        rest._turn.release()
        with pytest.raises(RestError, match="the venue demands a pause"):
            await call
        assert venue.depth_requests == 0

    ask([snapshot(book(5))], test)
