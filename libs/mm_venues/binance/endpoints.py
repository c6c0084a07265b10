"""Where the venue is, how its client behaves, and what the client has counted."""

import msgspec

from mm_venues.binance.rest import WEIGHT_MAX

# Why connections end. By the venue: closed, for what we did wrong (policy), announced (shutdown). On the way: lost, no
# pong (silent), a frame too big. By us: a stream that stalls, a process that stood still, the end.
DISCONNECTS = (
    *("closed", "policy", "lost", "silent", "oversized", "shutdown"),
    *("stalled", "frozen", "stopped"),
)


class Endpoints(msgspec.Struct, frozen=True, kw_only=True):
    """Where the venue is, and how patient the client is with it."""

    ws_url: str = "wss://stream.binance.com:9443"
    rest_url: str = "https://api.binance.com"
    snapshot_levels: int = 5000
    snapshot_s_min: float = 1.0  # between two snapshots, doubled up to backoff_s_max while they are of no use
    silence_s_max: float = 30.0  # neither a frame nor an answer to our pings: the connection is dead
    backoff_s_max: float = 60.0
    rotate_s: float = 82_800.0  # a connection is replaced so early that the venue's end of it, after 24 h, never comes
    definition_s: float = 300.0  # between two looks at the trading rules
    weight_max: int = WEIGHT_MAX  # request weight in a minute


class ClientCounts(msgspec.Struct):
    """What the client did; `bytes` are of frames, `rotations` connections that were replaced without a gap.

    `disconnects` are by reason, one of DISCONNECTS.
    """

    connects: int = 0
    connect_errors: int = 0
    rotations: int = 0
    frames: int = 0
    bytes: int = 0
    bad_frames: int = 0
    snapshots_requested: int = 0
    snapshot_errors: int = 0
    definitions: int = 0
    definition_errors: int = 0
    disconnects: dict[str, int] = {}
