"""The recorder's feed: what is proven, how old it is, what was lost; and its way into the log."""

import shutil
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import msgspec

from mm_core.events import InstrumentDefined
from mm_runtime.metrics import Metrics
from mm_venues.binance.endpoints import ClientCounts
from mm_venues.binance.feed import Feed, FeedCounts

if TYPE_CHECKING:
    from mm_runtime.recorder import Recorder

STATES = ("syncing", "valid")
FEED = {
    "depth_received": "Depth updates of the venue",
    "depth_applied": "Depth updates applied to the book",
    "depth_dropped": "Depth updates older than the book, repeated, or voided",
    "depth_duplicates": "Depth updates that came again",
    "gaps": "Holes in the update ids of the depth",
    "snapshots": "Snapshots of the book",
    "snapshots_refused": "Snapshots that proved nothing",
    "crossed": "Depth updates that left the book crossed",
    "trades": "Trades",
    "trade_gaps": "Holes in the ids of the trades",
    "trades_late": "Trades behind a later depth update",
    "trades_repeated": "Trades that came again",
    "book_tops": "The venue's own best bid and ask",
    "touch_checked": "Times the book's touch was compared with the venue's own",
    "touch_equal": "Times it was equal",
    "off_lot_levels": "Quantities that are no whole number of lots",
    "disconnects": "Lost connections",
}
CLIENT = {
    "connects": "Connections made",
    "connect_errors": "Connections that failed",
    "bytes": "Bytes of frames",
    "bad_frames": "Frames that were unreadable",
    "snapshots_requested": "Snapshots asked for",
    "snapshot_errors": "Snapshots that failed",
}
assert set(FEED) == set(FeedCounts.__struct_fields__) - {"other"}
assert set(CLIENT) == set(ClientCounts.__struct_fields__) - {"frames", "disconnects"}


def add_feed(metrics: Metrics, recorder: "Recorder", instrument: InstrumentDefined) -> None:
    """All figures of a recorder but those of a live client."""
    feed, roots = recorder.feed, recorder.roots
    metrics.states(
        "feed_state",
        "1 for what the feed proves of the book now, 0 for the others",
        STATES,
        lambda: STATES[feed.sync.is_valid],
    )
    metrics.gauge(
        "frame_age_seconds",
        "Time since the last frame came, or since the start",
        lambda: monotonic() - recorder.heard_s,
    )
    metrics.counter("resyncs", "Times the book had to be proven anew", lambda: max(0, feed.sync.epoch - 1))
    metrics.counter("frames", "Frames of the venue", lambda: recorder.frames)
    for name, text in FEED.items():
        metrics.counter(name, text, partial(_count, feed, name))
    metrics.gauge("roots_unconfirmed", "Roots that the log is not known to hold", lambda: roots.unconfirmed)
    metrics.counter("roots_resent", "Roots said again", lambda: roots.resent)
    metrics.counter("roots_lost", "Roots given up because the log did not take them", lambda: recorder.lost)
    metrics.gauge("ended", "1 once the source has said its end", lambda: recorder.is_ended)
    metrics.gauge(
        "instrument_info",
        "1; the labels say what is traded",
        lambda: 1.0,
        instrument=instrument.instrument_id,
        tick_size=instrument.tick_size,
        lot_size=instrument.lot_size,
        base=instrument.base,
        quote=instrument.quote,
    )


def add_client(metrics: Metrics, counts: ClientCounts) -> None:
    """The figures of a live client."""
    for name, text in CLIENT.items():
        metrics.counter(f"client_{name}", text, partial(getattr, counts, name))


def add_free(metrics: Metrics, folder: Path) -> None:
    """Room on the disk of a folder that is written to."""
    metrics.gauge("disk_free_bytes", "Room on the disk that is written to", lambda: shutil.disk_usage(folder).free)


def _count(feed: Feed, name: str) -> float:
    return float(msgspec.structs.asdict(feed.counts())[name])
