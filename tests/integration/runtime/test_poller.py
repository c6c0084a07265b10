"""Who reads a log in batches: no hole, no repeat, in order, whatever gets lost on the way."""

import asyncio

import pytest
from tests.integration.runtime.group import beside, running, until
from tests.integration.runtime.proxy import Fate, every, proxy_to
from tests.integration.runtime.server import GROUP, Server
from tests.integration.runtime.test_reader import DATA, append

from mm_bus.bus import Bus
from mm_bus.label import Label
from mm_bus.log_poller import LogPoller
from mm_services.sequencer.appender import Appender
from mm_wire.chain import Record


class Polling:
    """A poller that records the sequences it reads."""

    def __init__(self, bus: Bus, next_seq: int = 1) -> None:
        self.seqs: list[int] = []
        self.poller = LogPoller(bus, GROUP, self._take, next_seq)

    async def _take(self, record: Record) -> None:
        if not record.is_fence:
            assert (record.data, Label.parse(record.label).tree) == (DATA, 1)
            self.seqs.append(record.seq)

    async def until(self, seq: int) -> None:
        """Wait until it has read an event."""
        await until(lambda: bool(self.seqs) and self.seqs[-1] >= seq)


def test_a_long_log_is_read_once_and_then_what_is_appended(server: Server) -> None:
    async def run() -> None:
        async with running(server.url) as group:
            seqs = await append(group, 5_500)
            polling = Polling(await group.connect(), seqs[700])
            await polling.poller.start()
            await beside(group, polling.until(seqs[-1]))
            more = await append(group, 3)  # of another writer, whose fence is no event
            await beside(group, polling.until(more[-1]))
            assert polling.seqs == seqs[700:] + more
            assert more[0] == seqs[-1] + 2
            assert polling.poller.pending == 0
            await Appender(await group.connect(), GROUP).take()
            await beside(group, until(lambda: polling.poller.next_seq == more[-1] + 2))
            assert polling.poller.event_seq == more[-1]  # a fence is no event

    asyncio.run(run())


@pytest.mark.parametrize("fate", [Fate.DROP, Fate.CUT, Fate.PASS_AND_CUT])
def test_replies_lost_on_the_way_are_requested_again(
    server: Server, fate: Fate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mm_bus.log_poller.REPLY_S", 0.2)
    monkeypatch.setattr("mm_bus.log_poller.BATCH", 100)

    async def run() -> None:
        async with proxy_to(server) as proxy, running(server.url) as group:
            seqs = await append(group, 1_000)
            polling = Polling(await group.connect(url=proxy.url))
            lost = every(177, fate, lambda name, _: name.startswith("_INBOX"))
            proxy.received = lost
            await polling.poller.start()
            await beside(group, polling.until(seqs[-1]))
            assert polling.seqs == seqs
            assert proxy.cuts >= 5 or fate == Fate.DROP

    asyncio.run(run())


def test_a_log_that_holds_nothing_is_no_error(server: Server) -> None:
    async def run() -> None:
        async with running(server.url) as group:
            await Appender(await group.connect(), GROUP).take()
            polling = Polling(await group.connect(), 2)
            await polling.poller.start()
            await beside(group, until(lambda: polling.poller._requests > 2))
            assert polling.seqs == []

    asyncio.run(run())
