"""What a client of a venue counts."""

import msgspec

# Why connections end. By the venue: closed, for what we did wrong (policy), announced (shutdown). On the way: lost, no
# pong (silent), a frame too big. By us: a stream that stalls, a process that stood still, the end.
DISCONNECTS = (
    *("closed", "policy", "lost", "silent", "oversized", "shutdown"),
    *("stalled", "frozen", "stopped"),
)


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
