"""Undisturbed: the log on the bus is the log of the offline loop, byte for byte."""

import asyncio

import pytest
from tests.integration.runtime.group import beside, publish_all, running
from tests.integration.runtime.nodes import market, plain_log
from tests.integration.runtime.server import Server, log_of

from mm_core import events as e
from mm_core.setup.config import Config, to_config
from mm_core.setup.core import new_core
from mm_core.setup.nodes import new_nodes
from mm_core.setup.warm import warm
from mm_core.types import NS_PER_S
from mm_store.ws_lines import WsLines
from mm_venues.audit import CompiledBook, TouchAudit
from mm_venues.binance.define import define
from mm_venues.binance.feed import Feed
from mm_wire.codec import decode


def test_the_log_is_that_of_the_offline_loop(server: Server) -> None:
    roots = market(300)

    async def run() -> None:
        async with running(server.url) as group:
            _, sequencer = await group.sequencer()
            await group.nodes()
            source = await group.source()
            await beside(group, publish_all(group, source, roots))
            assert sequencer.counts.roots_refused == sequencer.counts.reports_refused == 0

    asyncio.run(run())
    log = asyncio.run(log_of(server))
    assert log == plain_log(roots)
    kinds = {type(decode(data)) for data in log}
    assert kinds >= {e.BookTop, e.Tick, e.Book, e.OrderCanceled, e.CancelIntent, e.CancelOrder, e.PositionChanged}


def test_more_roots_than_may_be_on_their_way_wait_at_their_source(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mm_bus.roots.WINDOW", 64)
    monkeypatch.setattr("mm_bus.roots.BATCH", 16)
    roots = market(200)

    async def run() -> None:
        async with running(server.url) as group:
            _, sequencer = await group.sequencer()
            source = await group.source()
            source.offer(roots)
            await source.send_new()
            seen = []
            sequencer.on_quiescent = lambda _: seen.append(len(sequencer._intake.waiting))
            await group.nodes()
            await beside(group, publish_all(group, source, []))
            assert max(seen) <= 64 + 16

    asyncio.run(run())
    assert asyncio.run(log_of(server)) == plain_log(roots)


def test_the_real_nodes_decide_on_the_bus_what_they_decide_offline(server: Server, pytestconfig: pytest.Config) -> None:
    lines = WsLines([pytestconfig.rootpath / "samples" / "synth.gz"])
    instrument = define("SYNTH", lines, tick="0.01", lot="0.0001").instrument
    config: Config = to_config({"fixed_spread": {"half_spread_ticks": 2.0}})
    warm(config, instrument)
    feed = Feed(instrument, TouchAudit(CompiledBook()))
    roots: list[e.RootEvent] = []
    for recv_ns, frame in lines:
        roots += feed.feed(recv_ns, frame)
        if roots and recv_ns - roots[0].recv_ns > 8 * NS_PER_S:
            break

    async def run() -> None:
        async with running(server.url) as group:
            await group.sequencer()
            await group.nodes(new_nodes(new_core(config, instrument), instrument.instrument_id))
            source = await group.source()
            await beside(group, publish_all(group, source, roots))

    asyncio.run(run())
    log = asyncio.run(log_of(server))
    assert log == plain_log(roots, new_nodes(new_core(config, instrument), instrument.instrument_id))
    kinds = {type(decode(data)) for data in log}
    assert kinds >= {e.BookTop, e.SubmitOrder, e.OrderFilled, e.PositionChanged}
