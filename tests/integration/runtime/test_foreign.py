"""An event of another instrument: a log is about one."""

import asyncio

import msgspec
from tests.integration.runtime.group import beside, failure, running, until
from tests.integration.runtime.nodes import instrument, trade
from tests.integration.runtime.server import Server, log_of

from mm_core.events import Trade
from mm_wire.codec import decode, encode


def test_an_event_of_another_instrument_ends_the_sequencer_and_nothing_of_it_is_on_the_log(
    server: Server,
) -> None:
    foreign = msgspec.structs.replace(trade(3), instrument_id="binance.OTHER")

    async def run() -> list[str]:
        errors = []
        async with running(server.url) as group:
            bus, _ = await group.sequencer()
            await group.nodes()
            source = await group.source()
            await source.put([instrument(), trade(1)])
            await beside(group, until(lambda: source.unconfirmed == 0))
            for _ in range(2):  # the one who takes the log up knows its instrument too
                await source.put([foreign, trade(4)])
                errors.append(str(await failure(bus)))
                await group.kill(bus)
                source.forget()
                bus, _ = await group.sequencer()
            await group.kill(bus)
            group.buses = [each for each in group.buses if not each.failed.done()]
        return errors

    for line in asyncio.run(run()):
        assert "Trade of binance.OTHER in the log of binance.TEST; expected a group for each instrument" in line
    log = asyncio.run(log_of(server))
    assert [event.trade_id for event in map(decode, log) if isinstance(event, Trade)] == [1]
    assert encode(foreign) not in log
