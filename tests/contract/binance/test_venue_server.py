"""The replay venue's sockets: several clients, late ones, faults on the way, and who breaks the rules."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import aiohttp
import pytest
from tests.venue.market import ETH, Port, book, diff, impatient, running, trade
from tests.venue.replayed import Replayed, by_file, replaying
from tests.venue.venue import WAIT_S_MAX

from mm_venues.binance.venue.limits import Limits
from mm_venues.binance.venue.market import Sent
from mm_venues.binance.venue.player import SETTLE_PINGS

BEGIN_NS = 1_790_000_000_000_000_000
FRAMES = [
    (BEGIN_NS + at * 1_000_000, frame)
    for at, frame in enumerate([trade(1), diff(1, 1), book(0), *(diff(at, at) for at in range(2, 60)), trade(2)])
]
LAST = "59-59"


def run(test: Callable[[Replayed, aiohttp.ClientSession], Awaitable[None]], **options: Any) -> None:
    """A test beside the venue of FRAMES."""

    async def main() -> None:
        async with replaying((ETH, FRAMES), **options) as venue, aiohttp.ClientSession() as session:
            async with asyncio.timeout(WAIT_S_MAX):
                await test(venue, session)

    asyncio.run(main())


async def get(session: aiohttp.ClientSession, venue: Replayed, path: str) -> Any:
    async with session.get(f"http://{venue.url}{path}") as response:
        return await response.json()


async def has(port: Port, ending: str) -> None:
    """Wait until the book's events in short hold these."""
    await port.until(lambda: ending in port.short())


async def received(socket: aiohttp.ClientWebSocketResponse, last: Callable[[Any], bool]) -> list[Any]:
    """What a socket sends, up to something."""
    sent: list[Any] = []
    while not sent or not last(sent[-1]):
        sent.append(await socket.receive_json())
    return sent


def test_two_recorders_follow_the_market_and_a_third_joins_it_late() -> None:
    ports = [Port(), Port(), Port()]

    async def test(venue: Replayed, _session: aiohttp.ClientSession) -> None:
        async with running(venue, ports[0], impatient(venue, 30.0)):
            await has(ports[0], "1-1 VALID1")
            async with running(venue, ports[1], impatient(venue, 30.0)):
                await ports[1].until(lambda: bool(ports[1].frames))
                async with running(venue, ports[2], impatient(venue, 30.0)):
                    await asyncio.gather(*(has(port, LAST) for port in ports))

    run(test, speed=0.05)
    _, expected = by_file(ETH, FRAMES)
    assert ports[0].short().startswith("SYNCING1 snapshot0 1-1 VALID1 2-2")
    for late in ports[1:]:
        assert " snapshot0 " not in late.short()
        assert late.feed.counts().gaps == 0
        same = [event for event in late.events if type(event).__name__ == "BookDelta"]
        assert same[-1].update_id == expected[-2].update_id  # type: ignore[union-attr]


def test_streams_are_sent_raw_and_combined_to_who_subscribed() -> None:
    async def test(venue: Replayed, session: aiohttp.ClientSession) -> None:
        async with (
            session.ws_connect(f"ws://{venue.url}/ws/ethustd@trade") as misspelled,
            session.ws_connect(f"ws://{venue.url}/stream?streams=ethusdt@trade") as combined,
        ):
            await venue.ended()
            sent = await received(combined, lambda frame: frame["data"]["t"] == 2)
            assert [frame["stream"] for frame in sent] == ["ethusdt@trade"] * 2
            await misspelled.send_str('{"method":"LIST_SUBSCRIPTIONS","id":1}')
            assert await misspelled.receive_json() == {"result": ["ethustd@trade"], "id": 1}
            status = await get(session, venue, "/healthz")
            assert (status["state"], status["clients"]) == ("ended", 2)
            assert status["symbols"]["ETHUSDT"]["frames_sent"] == 2

    run(test)


def test_the_market_waits_for_a_subscriber_and_then_for_its_snapshot() -> None:
    async def test(venue: Replayed, session: aiohttp.ClientSession) -> None:
        async with session.ws_connect(f"ws://{venue.url}/ws") as socket:
            assert (await get(session, venue, "/healthz"))["state"] == "waiting"
            await socket.send_str('{"method":"SUBSCRIBE","params":["ethusdt@depth"],"id":1}')
            sent = await received(socket, lambda frame: "u" in frame)
            assert sent == [{"result": None, "id": 1}, sent[1]]
            while venue.player.state != "held":
                await venue.player.wait()
            assert await get(session, venue, "/api/v3/depth?symbol=ETHUSDT&limit=5000") == json.loads(book(0))
            await venue.ended()
            assert (await received(socket, lambda frame: frame["u"] == 59))[-1]["U"] == 2

    run(test)


def test_behind_a_held_snapshot_the_clients_have_their_turns_before_the_stream_goes_on() -> None:
    async def test(venue: Replayed, session: aiohttp.ClientSession) -> None:
        async with session.ws_connect(f"ws://{venue.url}/ws/ethusdt@depth@100ms", autoping=False) as socket:
            assert (await socket.receive_json())["u"] == 1
            request = asyncio.create_task(get(session, venue, "/api/v3/depth?symbol=ETHUSDT"))
            for turn in range(SETTLE_PINGS):
                ping = await socket.receive()
                assert ping.type is aiohttp.WSMsgType.PING
                assert request.done() or turn < SETTLE_PINGS - 1
                await socket.pong(ping.data)
            assert (await socket.receive_json())["u"] == 2

    run(test)


@pytest.mark.parametrize("is_second", [False, True], ids=["the first", "behind one that came before the market"])
def test_a_request_that_comes_before_its_snapshot_waits_for_it(is_second: bool) -> None:
    path = "/api/v3/depth?symbol=ETHUSDT"

    async def main() -> None:
        late = [(recv_ns + (at > 1) * 10**9 + (at > 2) * 10**9, frame) for at, (recv_ns, frame) in enumerate(FRAMES)]
        async with (
            asyncio.timeout(WAIT_S_MAX),
            replaying((ETH, late), speed=2.0) as venue,
            aiohttp.ClientSession() as session,
        ):
            if is_second:
                assert (await get(session, venue, path)) == json.loads(book(0))
            async with session.ws_connect(f"ws://{venue.url}/ws/ethusdt@trade"):
                while venue.player.state != "running":
                    await venue.player.wait()
                answer = await get(session, venue, path)
        # It stood still for the first only; behind its snapshot the market is silent for a while.
        assert answer["lastUpdateId"] == (1 if is_second else 0)

    asyncio.run(main())


def test_without_a_subscriber_of_the_depth_there_is_nobody_to_wait_for() -> None:
    async def test(venue: Replayed, session: aiohttp.ClientSession) -> None:
        async with session.ws_connect(f"ws://{venue.url}/ws/ethusdt@trade"):
            await venue.ended()
            assert (await get(session, venue, "/api/v3/depth?symbol=ETHUSDT"))["lastUpdateId"] == 59

    run(test)


def dropped(sent: Sent) -> Sequence[Sent]:
    """A diff is lost on the way."""
    return [] if b'"u":20,' in sent.payload else [sent]


def doubled(sent: Sent) -> Sequence[Sent]:
    """Everything comes twice."""
    return [sent, sent]


def garbled(sent: Sent) -> Sequence[Sent]:
    """A frame is cut in the middle."""
    is_cut = b'"u":20,' in sent.payload
    return [sent._replace(combined=sent.combined[:50])] if is_cut else [sent]


@pytest.mark.parametrize(
    ("tamper", "expected"),
    [
        (dropped, "19-19 GAP1 SYNCING2"),
        (doubled, "19-19 20-20 21-21"),
        (garbled, "19-19 GAP1 SYNCING2"),
    ],
)
def test_faults_on_the_way_are_healed_with_the_book_of_now(
    tamper: Callable[[Sent], Sequence[Sent]], expected: str
) -> None:
    port = Port()

    async def test(venue: Replayed, _session: aiohttp.ClientSession) -> None:
        async with running(venue, port, impatient(venue, 30.0)):
            await has(port, LAST if tamper is doubled else "VALID2")

    run(test, tamper=tamper, speed=0.05)
    assert expected in port.short()


def test_a_lost_connection_comes_back_to_the_running_market() -> None:
    port = Port()

    async def test(venue: Replayed, _session: aiohttp.ClientSession) -> None:
        async with running(venue, port, impatient(venue, 30.0)):
            await has(port, "10-10")
            venue.player.lines[0].abort()
            await has(port, LAST)

    run(test, speed=0.05)
    assert "GAP1 SYNCING2 snapshot" in port.short()
    assert port.feed.counts().disconnects >= 1


def test_who_talks_too_much_is_closed() -> None:
    async def test(venue: Replayed, session: aiohttp.ClientSession) -> None:
        async with session.ws_connect(f"ws://{venue.url}/ws") as socket:
            for _ in range(6):
                await socket.send_str('{"method":"LIST_SUBSCRIPTIONS","id":1}')
            for _ in range(5):
                assert (await socket.receive_json())["id"] == 1
            closing = await socket.receive()
            assert (closing.type, closing.data) == (aiohttp.WSMsgType.CLOSE, 1008)

    run(test)


def test_a_ping_carries_the_time_and_who_does_not_answer_is_closed() -> None:
    async def test(venue: Replayed, session: aiohttp.ClientSession) -> None:
        async with session.ws_connect(f"ws://{venue.url}/ws", autoping=False) as socket:
            ping = await socket.receive()
            assert (ping.type, len(ping.data)) == (aiohttp.WSMsgType.PING, 13)
            while (message := await socket.receive()).type is aiohttp.WSMsgType.PING:
                pass
            assert (message.type, message.data, message.extra) == (aiohttp.WSMsgType.CLOSE, 1008, "Pong timeout")

    run(test, limits=Limits(ping_s=0.01, pong_s_max=0.05))


def test_a_day_is_all_a_connection_has() -> None:
    async def test(venue: Replayed, session: aiohttp.ClientSession) -> None:
        async with session.ws_connect(f"ws://{venue.url}/ws") as socket:
            assert (await socket.receive()).data == 1001

    run(test, limits=Limits(ping_s=0.01, life_s_max=0.02))


def test_an_address_that_asks_too_often_has_to_wait() -> None:
    async def test(venue: Replayed, session: aiohttp.ClientSession) -> None:
        async with session.get(f"http://{venue.url}/api/v3/ping") as response:
            assert (response.status, response.headers["X-MBX-USED-WEIGHT-1M"]) == (200, "1")
        async with session.get(f"http://{venue.url}/api/v3/trades?symbol=ETHUSDT") as response:
            assert (response.status, (await response.json())["code"]) == (429, -1003)
            assert 0 < int(response.headers["Retry-After"]) <= 61
        async with session.ws_connect(f"ws://{venue.url}/ws"):
            with pytest.raises(aiohttp.WSServerHandshakeError, match="429"):
                await session.ws_connect(f"ws://{venue.url}/ws")

    run(test, limits=Limits(weight_max=20, connects_max=1))


def test_a_recording_without_a_snapshot_is_noted() -> None:
    async def main() -> None:
        frames = [frame for frame in FRAMES if frame[1] != book(0)]
        async with (
            replaying((ETH, frames)) as venue,
            aiohttp.ClientSession() as session,
            session.get(f"http://{venue.url}/api/v3/depth?symbol=ETHUSDT") as response,
        ):
            assert (response.status, (await response.json())["code"]) == (503, -1000)

    asyncio.run(main())
