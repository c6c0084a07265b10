"""Two sequencers on one group: one stops with one clear error, and the log is that of the other."""

import asyncio

from tests.integration.runtime.group import beside, failure, publish_all, running, until
from tests.integration.runtime.nodes import intent, market, plain_log, trade
from tests.integration.runtime.proxy import Fate, is_append, proxy_to
from tests.integration.runtime.server import GROUP, Server, log_of

from mm_bus.label import Label
from mm_core.types import IntegrityError
from mm_services.sequencer.appender import Appender, LogTakenError
from mm_wire.codec import encode
from mm_wire.subjects import subject


def test_the_older_one_stops_and_the_newer_one_continues(server: Server) -> None:
    roots = market(80)

    async def run() -> BaseException:
        async with running(server.url) as group:
            first, _ = await group.sequencer()
            await group.nodes()
            source = await group.source()
            await source.put(roots[:40])
            await until(lambda: group.writer.status()["last_seq"] > 50)
            await group.sequencer()
            publishing = asyncio.create_task(publish_all(group, source, roots[40:]))
            error = await failure(first)
            await group.kill(first)
            await beside(group, publishing)
            return error

    error = asyncio.run(run())
    assert isinstance(error, LogTakenError)
    assert isinstance(error, IntegrityError)  # which a service prints as one line
    assert "a second sequencer writes the log MM_test" in str(error)
    assert asyncio.run(log_of(server)) == plain_log(roots)


def test_appends_in_flight_are_not_stored_behind_those_of_another(server: Server) -> None:
    """The second append of the older one would follow just the sequence that the newer one's first append has."""

    async def run() -> BaseException:
        async with proxy_to(server) as proxy, running(server.url) as group:
            released, held = asyncio.Event(), asyncio.Event()

            async def hold(name: str, message: bytes) -> Fate:
                if is_append(name, message):
                    held.set()
                    await released.wait()
                return Fate.PASS

            older = Appender(await group.connect(url=proxy.url), GROUP)
            await older.take()
            await older.start(lambda: None)
            proxy.sent = hold
            await append_numbers(older, range(5))
            await held.wait()
            newer = Appender(await group.connect(), GROUP)
            await newer.take()
            await newer.start(lambda: None)
            await append_numbers(newer, range(100, 101))
            await until(lambda: newer.stored_seq == newer.last_seq)
            released.set()
            error = await failure(older._bus)
            await group.kill(older._bus)
            await append_numbers(newer, range(101, 103))
            await until(lambda: newer.stored_seq == newer.last_seq)
            return error

    assert isinstance(asyncio.run(run()), LogTakenError)
    assert asyncio.run(log_of(server)) == [encode(trade(number)) for number in (100, 101, 102)]


async def append_numbers(appender: Appender, numbers: range) -> None:
    """Append these trades."""
    for number in numbers:
        label = Label("recorder", number, 0, 1, appender.writer)
        await appender.append(subject(GROUP, trade(number)), label, encode(trade(number)))


def test_an_event_that_no_sequencer_wrote_is_noticed(server: Server) -> None:
    async def run() -> BaseException:
        async with running(server.url) as group:
            appender = Appender(await group.connect(), GROUP)
            await appender.take()
            await appender.start(lambda: None)
            other = await group.connect()
            await other.jetstream.publish(subject(GROUP, intent(0, 1)), b"foreign")
            await append_numbers(appender, range(3))
            error = await failure(appender._bus)
            await group.kill(appender._bus)
            return error

    error = asyncio.run(run())
    assert isinstance(error, LogTakenError)
    assert "event 2 is not ours; expected one a group" in str(error)


def test_a_log_that_is_missing_or_shorter_is_one_clear_error(server: Server) -> None:
    async def run() -> list[str]:
        errors = []
        async with running(server.url) as group:
            for loss in ("delete", "purge"):
                appender = Appender(await group.connect(), GROUP)
                await appender.take()
                await appender.start(lambda: None)
                await append_numbers(appender, range(3))
                await until(lambda: appender.stored_seq == appender.last_seq)  # noqa: B023
                await appender._bus.jetstream.delete_stream("MM_test")
                if loss == "purge":
                    await Appender(await group.connect(), GROUP).take()
                appender._look_up("the test requests it")
                error = await failure(appender._bus)
                assert isinstance(error, LogTakenError)
                errors.append(str(error))
                await group.kill(appender._bus)
        return errors

    missing, shorter = asyncio.run(run())
    assert missing.startswith("the log MM_test does not exist")
    assert shorter.startswith("the log MM_test lost events: it ends at 1, 4 was stored")
