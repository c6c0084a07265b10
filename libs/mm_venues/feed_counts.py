"""What a feed counts."""

import msgspec


class FeedCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What a feed has seen so far. `other` counts frames that became no event, by kind.

    depth_received = depth_applied + depth_dropped + what waits; `dropped` counts by reason (`SyncCounts`). `trades`
    counts Trade events, `trade_gaps` holes in their ids, `trades_repeated` trades that came again, `trades_late` trades
    whose id is below one that was there, or whose T lies before an E that was. `trade_id_restarts` and `id_restarts`
    count sequences of trade and update ids that began again, `off_lot_levels` level quantities that were no whole
    number of lots, `disconnects` lost connections, `stalls` depth streams that stood still while the market went on,
    `crossed` and `contradictions` books that were wrong, `times_bounded` exchange and receive times that were outliers,
    `depth_late` depth events that came too late to be traded on.
    """

    depth_received: int
    depth_dropped: int
    depth_applied: int
    depth_duplicates: int
    gaps: int
    snapshots: int
    snapshots_refused: int
    crossed: int
    trades: int
    trade_gaps: int
    trades_late: int
    trades_repeated: int
    book_tops: int
    touch_checked: int
    touch_equal: int
    off_lot_levels: int
    disconnects: int = 0
    id_restarts: int = 0
    trade_id_restarts: int = 0
    stalls: int = 0
    contradictions: int = 0
    times_bounded: int = 0
    depth_late: int = 0
    dropped: dict[str, int] = {}
    other: dict[str, int]


def never_proven(counts: FeedCounts, symbol: str) -> str:
    """What was there instead, if no book of these frames was ever proven; empty if one was."""
    if counts.depth_applied:  # nothing is applied but to a proven book
        return ""
    refused = f" ({counts.snapshots_refused:,} refused)" if counts.snapshots_refused else ""
    found = f"{counts.depth_received:,} depth events, {counts.snapshots:,} snapshots{refused}"
    return f"no book of {symbol} was ever proven: {found}; expected a depth snapshot and what follows it"
