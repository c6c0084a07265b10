"""A synthetic market as a recorder would have written it: gzipped lines `<recv_ns> <raw JSON>`."""

import gzip
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from numpy.random import Generator, Philox, SeedSequence

from mm_core.events import MarketEvent
from mm_core.types import InputError
from mm_research.synth.market import market_events
from mm_research.synth.params import Params, check, instrument_of
from mm_venues.registry import VENUES


def received(params: Params) -> Iterator[tuple[int, MarketEvent]]:
    """(receive time in ns, event) of the whole market. Receive times strictly rise, as on one connection."""
    rng = Generator(Philox(SeedSequence(params.seed, spawn_key=(1,))))  # not the market's: latency changes no market
    recv_ns = 0
    for event in market_events(params):
        latency_ns = params.latency_base_ns + int(rng.exponential(params.latency_tail_ns))
        recv_ns = max(recv_ns + 1, event.ts_ns + latency_ns)
        yield recv_ns, event


def write(path: Path, params: Params, progress: Callable[[int], None]) -> Counter[str]:
    """Write the market to `path`, complete or not at all; returns how many events of each type it wrote.

    The same parameters give the same bytes. `progress` is called with the market time done, ns. InputError where
    parameters make no market or the path cannot be written.
    """
    check(params)
    counts: Counter[str] = Counter()
    writer = VENUES[params.venue].frame_writer(instrument_of(params))
    part = path.parent / f".{path.name}.part"
    try:
        with part.open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
            for recv_ns, event in received(params):
                packed.write(b"%d %b\n" % (recv_ns, writer.frame(event)))
                counts[type(event).__name__] += 1
                progress(event.ts_ns - params.start_ns)
        part.replace(path)
    except OSError as error:
        raise InputError(f"--out {path}: cannot be written: {error.strerror}") from error
    finally:
        if part.is_file():  # only after a failure or Ctrl-C
            part.unlink()
    return counts
