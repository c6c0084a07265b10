"""An operator's command: on the log once, and answered when it is stored."""

import asyncio

import pytest
from tests.integration.runtime.group import beside, publish_all, running, until
from tests.integration.runtime.nodes import market
from tests.integration.runtime.proxy import Fate, proxy_to
from tests.integration.runtime.server import Server, stored

from mm_core.events import OperatorCommand
from mm_core.types import Command, InputError
from mm_session.operator import send
from mm_wire.codec import decode


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mm_session.operator.REPLY_S", 0.3)
    monkeypatch.setattr(
        "mm_services.sequencer.sequencer.RESEND_S", 60.0
    )  # the ack replies, not the next check of what is missing


def commands(log: list[tuple[int, bytes]]) -> list[tuple[int, OperatorCommand]]:
    return [(seq, event) for seq, data in log if isinstance(event := decode(data), OperatorCommand)]


def test_a_command_is_answered_with_its_place_in_the_log(server: Server) -> None:
    async def run() -> list[int]:
        async with running(server.url) as group:
            await group.sequencer()
            await group.nodes()
            source = await group.source()
            await source.put(market(10))
            await until(lambda: source.unconfirmed == 0)
            bus = await group.connect()
            return [await send(bus, "test", command) for command in (Command.HALT, Command.RESUME)]

    seqs = asyncio.run(run())
    published = commands(asyncio.run(stored(server)))
    assert [(seq, event.command) for seq, event in published] == list(
        zip(seqs, (Command.HALT, Command.RESUME), strict=True)
    )


@pytest.mark.parametrize("restarts", [False, True], ids=["the sequencer lives", "the sequencer dies meanwhile"])
def test_a_command_whose_answer_was_lost_is_taken_once(server: Server, *, restarts: bool) -> None:
    async def run() -> int:
        async with proxy_to(server) as proxy, running(server.url) as group:
            sequencer_bus, _ = await group.sequencer()
            bus = await group.connect(url=proxy.url)
            lost = asyncio.Event()

            def receive(name: str, message: bytes) -> Fate:
                if name.startswith("_INBOX.") and b'"seq"' in message and not lost.is_set():
                    lost.set()
                    return Fate.DROP
                return Fate.PASS

            proxy.received = receive
            sending = asyncio.create_task(send(bus, "test", Command.HALT))
            await lost.wait()
            if restarts:
                await group.kill(sequencer_bus)
                await group.sequencer()
            return await sending

    seq = asyncio.run(run())
    assert [seq] == [at for at, _ in commands(asyncio.run(stored(server)))]


def test_a_command_behind_the_end_is_no_part_of_the_log(server: Server) -> None:
    async def run() -> int:
        async with running(server.url) as group:
            await group.sequencer()
            await group.nodes()
            await beside(group, publish_all(group, await group.source(), market(5)))
            return await send(await group.connect(), "test", Command.HALT)

    with pytest.raises(InputError, match="halt: the log has ended"):
        asyncio.run(run())
    assert commands(asyncio.run(stored(server))) == []
