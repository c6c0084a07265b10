"""What a sequencer counts."""

import msgspec


class Counts(msgspec.Struct):
    """What the sequencer has counted since it started; `outputs` are those of nodes."""

    roots: int = 0
    roots_refused: int = 0
    outputs: int = 0
    reports: int = 0
    reports_late: int = 0
    reports_refused: int = 0
    resends: int = 0
