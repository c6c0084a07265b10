"""The recorder's feed: what is proven, how old it is, what was lost; and its way into the log."""

from functools import partial
from time import monotonic

import msgspec

from mm_core.events import InstrumentDefined
from mm_core.types import NS_PER_S
from mm_service.metrics import Metrics
from mm_services.recorder.live_source import LiveSource
from mm_services.recorder.recorder import Recorder
from mm_venues.client_counts import DISCONNECTS, ClientCounts
from mm_venues.feed_counts import FeedCounts
from mm_venues.port import Feed

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
    "off_lot_levels": "Quantities that are no multiple of a lot",
    "disconnects": "Lost connections",
    "id_restarts": "Sequences of update ids that began again",
    "trade_id_restarts": "Sequences of trade ids that began again",
    "stalls": "Depth streams that stood still while trades went on",
    "contradictions": "Touches of the venue that the book did not have",
    "times_bounded": "Exchange and receive times that were outliers",
    "depth_late": "Depth updates that came too late to be traded on",
}
CLIENT = {
    "connects": "Connections made",
    "connect_errors": "Connections that failed",
    "bytes": "Bytes of frames",
    "bad_frames": "Frames that were unreadable",
    "snapshots_requested": "Snapshots requested",
    "snapshot_errors": "Snapshots that failed",
    "rotations": "Connections that were replaced without a gap",
    "definitions": "Replies with the trading rules",
    "definition_errors": "Requests for the trading rules that failed",
}
assert set(FEED) == set(FeedCounts.__struct_fields__) - {"dropped", "other"}
assert set(CLIENT) == set(ClientCounts.__struct_fields__) - {"frames", "disconnects"}


def add_feed(metrics: Metrics, recorder: Recorder, instrument: InstrumentDefined) -> None:
    """All figures of a recorder but those of a live client."""
    feed, roots, clock = recorder.feed, recorder.roots, recorder.clock
    metrics.states(
        "feed_state",
        "1 for what the feed proves of the book now, 0 for the others",
        STATES,
        lambda: STATES[feed.is_valid],
    )
    metrics.gauge(
        "frame_age_seconds",
        "Time since the last frame came, or since the start",
        lambda: monotonic() - recorder.received_s,
    )
    metrics.counter("resyncs", "Times the book had to be proven anew", lambda: max(0, feed.epoch - 1))
    metrics.counter("frames", "Frames of the venue", lambda: recorder.frames)
    for name, text in FEED.items():
        metrics.counter(name, text, partial(_count, feed, name))
    metrics.gauge("roots_unconfirmed", "Roots that the log is not known to hold", lambda: roots.unconfirmed)
    metrics.counter("roots_resent", "Roots published again", lambda: roots.resent)
    metrics.gauge(
        "lag_seconds",
        "How much later than usual, by its exchange time, the last depth update came",
        lambda: feed.lag_ns / NS_PER_S,
    )
    lost = "Roots given up because the log did not take them, or too late"
    metrics.counter("roots_lost", lost, lambda: recorder.lost)
    metrics.counter("frames_lost", "Frames that the disk did not take", lambda: recorder.frames_lost)
    metrics.counter("clock_steps", "Steps of the wall clock, which receive times do not follow", lambda: clock.steps)
    metrics.gauge("ended", "1 once the source has published its end", lambda: recorder.is_ended)
    metrics.gauge(
        "instrument_info",
        "1; the labels name what is traded",
        lambda: 1.0,
        instrument=instrument.instrument_id,
        tick_size=instrument.tick_size,
        lot_size=instrument.lot_size,
        base=instrument.base,
        quote=instrument.quote,
    )


def add_live(metrics: Metrics, live: LiveSource) -> None:
    """The figures of a live source."""
    for name, text in CLIENT.items():
        metrics.counter(f"client_{name}", text, partial(_client, live, name))
    reasons = "Connections that ended, by reason"
    for kind in DISCONNECTS:
        metrics.counter("client_ends", reasons, partial(_ends, live, kind), reason=kind)


def _client(live: LiveSource, name: str) -> float:
    return float(getattr(live.client.counts, name)) if live.client else 0.0


def _ends(live: LiveSource, kind: str) -> float:
    return float(live.client.counts.disconnects.get(kind, 0)) if live.client else 0.0


def _count(feed: Feed, name: str) -> float:
    return float(msgspec.structs.asdict(feed.counts())[name])
