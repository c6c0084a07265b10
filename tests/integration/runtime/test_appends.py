"""Appends and their acks get lost on the way: the log has neither a hole nor a repeat."""

import asyncio
from collections.abc import Callable

import pytest
from nats.aio.msg import Msg
from nats.js.api import DiscardPolicy, StreamConfig, StreamInfo
from tests.integration.runtime.group import Group, beside, failure, publish_all, running, until
from tests.integration.runtime.nodes import market, plain_log, trade
from tests.integration.runtime.proxy import Fate, every, is_ack, is_append, is_report, passes, proxy_to
from tests.integration.runtime.server import GROUP, Server, log_of, make_stream

from mm_bus.label import Label
from mm_core.types import UnavailableError
from mm_services.sequencer.appender import SILENCES_MAX, Appender, LogRefusedError
from mm_wire.codec import encode
from mm_wire.subjects import log_subjects, stream, subject, writer_subject

Which = Callable[[str, bytes], bool]
LOSSES = {
    "an append is stored, and its ack lost with the connection": (Fate.PASS_AND_CUT, is_append, 23),
    "an append is lost with the connection": (Fate.CUT, is_append, 23),
    "an append is lost, those behind it are not": (Fate.DROP, is_append, 23),
    "an ack is lost with the connection": (Fate.CUT, is_ack, 3),
    "an ack comes, and then the connection is lost": (Fate.PASS_AND_CUT, is_ack, 3),
    "a report, which stands for acks, is lost with the connection": (Fate.CUT, is_report, 23),
}


@pytest.mark.parametrize(("fate", "which", "number"), LOSSES.values(), ids=LOSSES)
def test_what_gets_lost_leaves_no_trace_in_the_log(
    server: Server, fate: Fate, which: Which, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mm_services.sequencer.appender.SILENT_S", 0.2)
    roots = market(60)

    async def run() -> int:
        async with proxy_to(server) as proxy, running(server.url) as group:
            _, sequencer = await group.sequencer(url=proxy.url)
            proxy.sent = every(number, fate, which)
            proxy.received = every(number, fate, which)
            await group.nodes()
            source = await group.source()
            await beside(group, publish_all(group, source, roots))
            return int(sequencer.status()["lookups"])

    assert asyncio.run(run()) >= 3
    assert asyncio.run(log_of(server)) == plain_log(roots)


@pytest.mark.parametrize("first", [1, 10, 64])
def test_a_cut_with_many_appends_in_flight(server: Server, first: int) -> None:
    count = 64

    async def run() -> None:
        async with proxy_to(server) as proxy, running(server.url) as group:
            appender = await started(group, url=proxy.url)
            passed = 0

            def decide(name: str, message: bytes) -> Fate:
                nonlocal passed
                passed += is_append(name, message)
                if passed < first or not is_append(name, message):
                    return Fate.PASS
                proxy.sent = passes
                return Fate.PASS_AND_CUT

            proxy.sent = decide
            for number in range(count):
                label = Label("recorder", number, 0, 1, appender.writer)
                await appender.append(subject(GROUP, trade(number)), label, encode(trade(number)))
            await beside(group, until_stored(appender))
            assert proxy.cuts == 1

    asyncio.run(run())
    assert asyncio.run(log_of(server)) == [encode(trade(number)) for number in range(count)]


async def until_stored(appender: Appender) -> None:
    """Wait until all appends are stored."""
    await until(lambda: appender.stored_seq == appender.last_seq)


@pytest.mark.parametrize("acked", [True, False], ids=["the acks are lost", "no acks, and no node reports it"])
def test_silence_makes_the_end_uncertain_too(server: Server, monkeypatch: pytest.MonkeyPatch, acked: bool) -> None:
    monkeypatch.setattr("mm_services.sequencer.appender.SILENT_S", 0.1)

    async def run() -> int:
        async with proxy_to(server) as proxy, running(server.url) as group:
            appender = await started(group, url=proxy.url)
            proxy.received = lambda name, message: Fate.DROP if is_ack(name, message) else Fate.PASS
            for number in range(3):
                await append(appender, number, acked=acked)
            await beside(group, until_stored(appender))
            return appender.lookups

    assert asyncio.run(run()) >= 1
    assert asyncio.run(log_of(server)) == [encode(trade(number)) for number in range(3)]


def test_a_network_that_stands_still_is_waited_for(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection is not lost, but nothing comes through: longer than a server may be silent that answers."""
    monkeypatch.setattr("mm_services.sequencer.appender.SILENT_S", 0.05)

    async def run() -> None:
        async with proxy_to(server) as proxy, running(server.url) as group:
            appender = await started(group, url=proxy.url)
            released = asyncio.Event()

            async def stand_still(_name: str, _message: bytes) -> Fate:
                await released.wait()
                return Fate.PASS

            proxy.sent = proxy.received = stand_still
            await append(appender, 0, acked=True)
            stands_s = asyncio.get_running_loop().time()
            silent_s = 2 * SILENCES_MAX * 0.05
            await beside(group, until(lambda: asyncio.get_running_loop().time() > stands_s + silent_s))
            released.set()
            await beside(group, until_stored(appender))

    asyncio.run(run())
    assert asyncio.run(log_of(server)) == [encode(trade(0))]


@pytest.mark.parametrize(("writer", "is_proof"), [("", False), ("another", False), (None, True)])
def test_what_was_read_is_stored_if_we_wrote_it(server: Server, writer: str | None, is_proof: bool) -> None:
    async def run() -> None:
        async with running(server.url) as group:
            appender = await started(group)
            first, second = [await append(appender, number, acked=False) for number in range(2)]
            appender.reported(first, appender.writer if writer is None else writer)
            assert appender.stored_seq == (first if is_proof else first - 1)
            assert appender.last_seq == second

    asyncio.run(run())


async def started(group: Group, url: str = "") -> Appender:
    appender = Appender(await group.connect(url=url), GROUP)
    await appender.take()
    await appender.start(lambda: None)
    return appender


async def append(appender: Appender, number: int, *, acked: bool) -> int:
    label = Label("recorder", number, 0, 1, appender.writer)
    return await appender.append(subject(GROUP, trade(number)), label, encode(trade(number)), acked=acked)


def test_acks_that_overtake_the_streams_answer_are_no_loss(server: Server) -> None:
    async def run() -> None:
        async with running(server.url) as group:
            bus = await group.connect()
            appender = Appender(bus, GROUP)
            await appender.take()
            request = bus.jetstream.stream_info

            async def request_and_ack_late(name: str) -> StreamInfo:
                """What was sent before the question is stored after the answer."""
                answer = await request(name)
                await appender._send(appender._in_flight[0])
                await until(acked.is_set)
                return answer

            on_ack = appender._on_ack

            async def on_ack_then_append(message: Msg) -> None:
                await on_ack(message)
                acked.set()

            acked = asyncio.Event()
            appender._on_ack = on_ack_then_append  # type: ignore[method-assign]
            await appender.start(lambda: None)

            bus.jetstream.stream_info = request_and_ack_late  # type: ignore[assignment,method-assign]
            appender._look_up("the test requests it")
            label = Label("recorder", 1, 0, 1, appender.writer)
            await appender.append(subject(GROUP, trade(1)), label, encode(trade(1)))
            await beside(group, until(lambda: appender._resolving is None))
            await beside(group, until_stored(appender))

    asyncio.run(run())
    assert asyncio.run(log_of(server)) == [encode(trade(1))]


def full_stream(max_bytes: int) -> StreamConfig:
    subjects = [*log_subjects(GROUP), writer_subject(GROUP)]
    config = StreamConfig(name=stream(GROUP), subjects=subjects, discard=DiscardPolicy.NEW, max_bytes=max_bytes)
    return config.evolve(allow_direct=True)


def test_a_full_stream_ends_in_one_clear_error(server: Server) -> None:
    roots = market(200)

    async def run() -> BaseException:
        async with running(server.url) as group:
            await make_stream(server, full_stream(20_000))
            bus, _ = await group.sequencer()
            await group.nodes()
            source = await group.source()
            await source.put(roots)
            error = await failure(bus)
            await group.kill(bus)
            return error

    error = asyncio.run(run())
    assert isinstance(error, LogRefusedError)
    assert isinstance(error, UnavailableError)  # which a service prints as one line
    assert "the log MM_test does not take event" in str(error)
    assert "maximum bytes exceeded" in str(error)
    log = asyncio.run(log_of(server))
    assert len(log) > 0
    assert log == plain_log(roots)[: len(log)]


def test_a_stream_that_is_full_already_cannot_be_taken(server: Server) -> None:
    async def run() -> None:
        async with running(server.url) as group:
            await make_stream(server, full_stream(10))
            await group.sequencer()

    with pytest.raises(LogRefusedError, match="does not take event 1: maximum bytes exceeded"):
        asyncio.run(run())


def test_the_window_in_which_the_server_knows_names_does_not_matter(server: Server) -> None:
    """What is stored is found out from the stream's end, so no outage is too long."""
    roots = market(60)

    async def run() -> int:
        async with proxy_to(server) as proxy, running(server.url) as group:
            await make_stream(server, full_stream(-1).evolve(duplicate_window=0.1))
            proxy.sent = every(41, Fate.PASS_AND_CUT, is_append)
            await group.sequencer(url=proxy.url)
            await group.nodes()
            source = await group.source()
            await beside(group, publish_all(group, source, roots))
            return proxy.cuts

    assert asyncio.run(run()) >= 3
    assert asyncio.run(log_of(server)) == plain_log(roots)
