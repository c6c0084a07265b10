"""What a recorder receives from the replay venue is what it reads from the file."""

import asyncio
import itertools
from pathlib import Path

import pytest
from tests.venue.market import ETH, Port, book, diff, impatient, running, short, trade
from tests.venue.replayed import Frames, Replayed, by_file, replaying, without_recv

from mm_core.events import InstrumentDefined
from mm_core.types import NS_PER_S
from mm_store.ws_lines import WsLines
from mm_venues.feed_counts import FeedCounts

SECONDS = 120
SAMPLE = Path(__file__).parents[3] / "samples" / "synth.gz"
SYNTH = InstrumentDefined(
    instrument_id="binance.SYNTH", ts_ns=0, venue_symbol="SYNTH", tick_size="0.01", lot_size="0.0001"
)
BTC = InstrumentDefined(
    instrument_id="binance.BTCUSDT", ts_ns=0, venue_symbol="BTCUSDT", tick_size="0.01", lot_size="0.00001"
)


def counted(frames: list[bytes]) -> Frames:
    """Frames of a test, a millisecond apart."""
    return [(1_790_000_000_000_000_000 + at * 1_000_000, frame) for at, frame in enumerate(frames)]


async def follow(venue: Replayed, port: Port, instrument: InstrumentDefined, frames: int) -> FeedCounts:
    """A client's session until it has so many frames; the feed's counts before it ends."""
    endpoints = impatient(venue, 30.0)
    async with running(venue, port, endpoints, instrument.venue_symbol):
        await venue.ended()
        await port.until(lambda: len(port.frames) >= frames + 1)  # the trading rules too
        return port.feed.counts()


def check(instrument: InstrumentDefined, frames: Frames, speed: float = 0.0) -> Port:
    """Frames by socket lead to the events of the frames by file, and the feed counts the same."""
    port = Port(instrument)

    async def run() -> FeedCounts:
        async with replaying((instrument, frames), speed=speed) as venue:
            return await follow(venue, port, instrument, len(frames))

    counts = asyncio.run(run())
    assert len(port.frames) == len(frames) + 2  # and that the connection ended
    rules_at = next(at for at, (_, frame) in enumerate(port.frames) if b'"symbols"' in frame)
    feed, expected = by_file(instrument, [*frames[:rules_at], port.frames[rules_at], *frames[rules_at:]])
    assert without_recv(port.events[: len(expected)]) == without_recv(expected)
    assert counts == feed.counts()
    return port


@pytest.mark.parametrize("speed", [0.0, 60.0])
def test_the_sample_by_socket_is_the_sample_by_file(speed: float) -> None:
    port = check(SYNTH, [(recv_ns, frame.rstrip()) for recv_ns, frame in WsLines([SAMPLE])], speed)
    assert port.feed.counts().touch_checked == port.feed.counts().touch_equal > 100


def test_a_recording_of_btcusdt_by_socket_is_the_recording_by_file(shared_data: Path) -> None:
    lines = WsLines([shared_data / "binance_spot" / "btcusdt_20240808.gz"])
    first_ns = next(iter(lines))[0]
    taken = itertools.takewhile(lambda line: line[0] < first_ns + SECONDS * NS_PER_S, lines)
    port = check(BTC, [(recv_ns, frame.rstrip()) for recv_ns, frame in taken])
    assert len(port.events) > 10_000
    assert port.feed.counts().touch_checked == port.feed.counts().touch_equal > 100


def test_a_snapshot_is_the_recorded_bytes_and_the_stream_waits_for_it() -> None:
    frames = counted([trade(1), diff(1, 2), diff(3, 4), b" ".join([book(3)]), *(diff(at, at) for at in range(5, 50))])
    port = check(ETH, frames)
    received = [frame for _, frame in port.frames[:-1] if b'"symbols"' not in frame]
    assert received == [frame for _, frame in frames]


def test_a_recording_that_begins_with_its_snapshot_is_held_behind_its_first_diff() -> None:
    frames = counted([book(0), trade(1), *(diff(at, at) for at in range(1, 50))])
    port = Port()
    _, expected = by_file(ETH, frames)

    async def run() -> None:
        async with replaying((ETH, frames)) as venue:
            await follow(venue, port, ETH, len(frames))

    asyncio.run(run())
    received = short(port.events[: len(expected)])
    assert received == short(expected)
    assert received.startswith("SYNCING1 snapshot0 1-1 VALID1 2-2")


def test_a_hole_in_the_recording_is_a_gap_and_the_next_snapshot_heals_it() -> None:
    frames = counted([diff(1, 1), book(0), diff(2, 2), diff(8, 8), book(8), diff(9, 9)])
    port = Port()

    async def run() -> None:
        async with replaying((ETH, frames)) as venue:
            await follow(venue, port, ETH, len(frames))

    asyncio.run(run())
    _, expected = by_file(ETH, frames)
    assert port.short().startswith(short(expected))
    assert port.short() == "SYNCING1 snapshot0 1-1 VALID1 2-2 GAP1 SYNCING2 snapshot8 9-9 VALID2 GAP2 SYNCING3"
