"""Ticks of a silent market, which the sequencer's clock makes: also those of a sequencer that took a log up."""

import asyncio

from tests.integration.runtime.group import beside, running, until
from tests.integration.runtime.nodes import PERIOD_NS, market, trade
from tests.integration.runtime.server import Server, stored

from mm_core.events import OperatorCommand, Root, Tick
from mm_core.types import Command
from mm_services.sequencer.sequencer import Sequencer
from mm_session.operator import send
from mm_wire.codec import decode


async def ticked(sequencer: Sequencer, count: int) -> int:
    """Wait for so many more roots in a silent market; the local time then."""
    root_seq = sequencer.status()["root_seq"]
    await until(lambda: sequencer.status()["root_seq"] >= root_seq + count)
    return int(sequencer.status()["local_ns"])


def test_ticks_go_on_behind_those_of_a_sequencer_that_was_killed(server: Server) -> None:
    async def run() -> list[int]:
        async with running(server.url) as group:
            bus, sequencer = await group.sequencer(by_clock=True)
            await group.nodes()
            source = await group.source()
            await source.put(market(3))
            times_ns = [await ticked(sequencer, 3)]
            await group.kill(bus)
            _, sequencer = await group.sequencer(by_clock=True)
            times_ns.append(int(sequencer.status()["local_ns"]))
            times_ns.append(await ticked(sequencer, 3))
            await send(await group.connect(), "test", Command.HALT)
            late = trade(1_000)  # the market has moved on meanwhile, further than the clock of those that were killed
            await source.put([late])
            await beside(group, until(lambda: source.unconfirmed == 0))
            assert sequencer.status()["local_ns"] >= late.local_ns
            times_ns.append(late.ts_ns)
            return times_ns

    times_ns = asyncio.run(run())
    roots = [event for _, data in asyncio.run(stored(server)) if isinstance(event := decode(data), Root)]
    assert [root.root_seq for root in roots] == list(range(1, len(roots) + 1))
    deciding = [root.local_ns for root in roots if type(root).__name__ not in {"BookTop", "InstrumentDefined"}]
    assert deciding == sorted(deciding)
    assert times_ns == sorted(times_ns)
    ticks = [root.ts_ns for root in roots if isinstance(root, Tick)]
    assert ticks == [ticks[0] + number * PERIOD_NS for number in range(len(ticks))]
    (command,) = (root for root in roots if isinstance(root, OperatorCommand))
    assert times_ns[2] <= command.local_ns < times_ns[3]
    assert command.local_ns - times_ns[2] < 100 * PERIOD_NS
