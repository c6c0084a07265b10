"""The trading rules are requested again and again, and are frames like any other; bodies that are none are not."""

import asyncio
from collections.abc import Callable

import pytest
from aiohttp import web
from tests.venue.market import FIRST_NS, Port, impatient
from tests.venue.play import synced
from tests.venue.venue import Reply, Venue, answer, snapshot
from tests.venue.venue import silence as silent

from mm_core.types import InputError
from mm_venues.binance.client import BinanceClient
from mm_venues.binance.rest import Rest

INFO = (
    b'{"symbols":[{"symbol":"ETHUSDT","status":"TRADING","baseAsset":"ETH","quoteAsset":"USDT","filters":'
    b'[{"filterType":"PRICE_FILTER","tickSize":"0.10000000","minPrice":"0.1","maxPrice":"100000"},'
    b'{"filterType":"LOT_SIZE","stepSize":"0.00100000","minQty":"0.001","maxQty":"9000"}]}]}'
)
UNKNOWN = answer(400, b'{"code":-1121,"msg":"Invalid symbol."}')


class Taken:
    """A port that stores what it gets, and a need for a definition that one of them ends."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.is_needed = False
        self._came = asyncio.Event()

    def take(self, _recv_ns: int, frame: bytes) -> None:
        """The frame port."""
        self.frames.append(frame)
        self._came.set()

    def needs(self) -> bool:
        """The feed's need."""
        return self.is_needed

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something that a frame brings."""
        async with asyncio.timeout(10):
            while not condition():
                self._came.clear()
                await self._came.wait()


def requested(replies: list[Reply], count: int, definition_s: float = 0.02) -> BinanceClient:
    """A client until it has handed over so many definitions; the last reply stays for all that follow."""
    requests = 0

    async def info(request: web.Request) -> web.StreamResponse:
        nonlocal requests
        requests += 1
        return await replies[min(requests, len(replies)) - 1](request)

    async def run() -> BinanceClient:
        taken = Taken()
        async with Venue("ETHUSDT", [silent], []) as venue, Rest(f"http://{venue.url}") as rest:
            venue.info_reply = info
            endpoints = impatient(venue, definition_s=definition_s)
            client = BinanceClient("ETHUSDT", endpoints, rest, taken.take, lambda: False, random=lambda: 0.0)
            task = asyncio.create_task(client.run())
            await asyncio.wait(
                [task, asyncio.create_task(taken.until(lambda: len(taken.frames) == count))],
                return_when=asyncio.FIRST_COMPLETED,
            )
            task.cancel()
            ended = (await asyncio.gather(task, return_exceptions=True))[0]
            if isinstance(ended, InputError):
                raise ended
            assert taken.frames == [INFO] * count
        return client

    return asyncio.run(run())


def test_they_are_requested_at_the_start_and_every_so_often() -> None:
    counts = requested([answer(200, INFO)], 3).counts
    assert (counts.definitions, counts.definition_errors) == (3, 0)


def test_what_is_no_exchange_info_is_counted_and_requested_again() -> None:
    bad = [answer(500), answer(200, b"<html>"), answer(200), answer(200, b'{"code":-1000,"msg":"no"}')]
    counts = requested([*bad, answer(200, INFO)], 1).counts
    assert (counts.definitions, counts.definition_errors) == (1, 4)


def test_a_symbol_that_disappears_does_not_end_the_client() -> None:
    counts = requested([answer(200, INFO), UNKNOWN, answer(200, INFO)], 2).counts
    assert (counts.definitions, counts.definition_errors) == (2, 1)


def test_a_symbol_that_never_was_is_one_clear_line() -> None:
    with pytest.raises(InputError, match=r"^ETHUSDT: Binance knows no such symbol; expected one of Binance Spot"):
        requested([UNKNOWN], 1)


def test_they_are_requested_at_once_when_the_feed_needs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mm_venues.binance.fetching.DEFINITION_S_MIN", 0.01)

    async def run() -> None:
        port, taken = Port(), Taken()

        def take(recv_ns: int, frame: bytes) -> None:
            port.take(recv_ns, frame)
            taken.take(recv_ns, frame)

        async with Venue("ETHUSDT", [synced], [snapshot(b"")]) as venue, Rest(f"http://{venue.url}") as rest:
            venue.info_reply = answer(200, INFO)
            client = BinanceClient(
                *("ETHUSDT", impatient(venue), rest, take, lambda: False),
                needs_definition=taken.needs,
                clock_ns=lambda: FIRST_NS,
            )
            task = asyncio.create_task(client.run())
            await taken.until(lambda: len(taken.frames) == 2)  # the definition and the diff
            taken.is_needed = True
            client._definitions.check()
            await taken.until(lambda: taken.frames.count(INFO) == 2)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())
