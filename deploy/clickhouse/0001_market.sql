-- What comes from outside, as it stands in the log: one row is one event, `seq` its position in the log of `session`.
-- Prices are ticks, quantities lots (views with v_ in front give human units), times exact nanoseconds, UTC.
-- Columns are the fields of the events (mm_core/events); a statement ends with a semicolon at the end of its line and
-- may run twice: after a crash in the middle of a file, the whole file is applied again.
-- The window of deduplication tokens makes a repeated insert of the archive do nothing.

CREATE TABLE IF NOT EXISTS instruments (
    session LowCardinality(String),
    instrument_id LowCardinality(String),
    seq UInt64,
    ts_ns DateTime64(9, 'UTC'),
    recv_ns DateTime64(9, 'UTC'),
    local_ns DateTime64(9, 'UTC'),
    root_seq UInt64,
    venue_symbol String,
    tick_size String COMMENT 'exact decimal text',
    lot_size String COMMENT 'exact decimal text',
    base LowCardinality(String),
    quote LowCardinality(String),
    qty_lots_min Int64,
    notional_e9_min Int64
) ENGINE = MergeTree ORDER BY (session, instrument_id, seq)
SETTINGS non_replicated_deduplication_window = 100;

CREATE TABLE IF NOT EXISTS feed_status (
    session LowCardinality(String),
    instrument_id LowCardinality(String),
    seq UInt64 CODEC(Delta, ZSTD),
    ts_ns DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    recv_ns DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    local_ns DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    root_seq UInt64 CODEC(Delta, ZSTD),
    state LowCardinality(String) COMMENT 'syncing, valid, stale or gap',
    epoch Int64,
    complete_low_ticks Int64 CODEC(ZSTD),
    complete_high_ticks Int64 CODEC(ZSTD),
    reason LowCardinality(String)
) ENGINE = MergeTree ORDER BY (session, instrument_id, seq)
SETTINGS non_replicated_deduplication_window = 100;

CREATE TABLE IF NOT EXISTS book_snapshots (
    session LowCardinality(String),
    instrument_id LowCardinality(String),
    seq UInt64 CODEC(Delta, ZSTD),
    ts_ns DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    recv_ns DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    local_ns DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    root_seq UInt64 CODEC(Delta, ZSTD),
    update_id Int64 CODEC(Delta, ZSTD),
    bid_ticks Array(Int64) CODEC(Delta, ZSTD),
    bid_lots Array(Int64) CODEC(ZSTD),
    ask_ticks Array(Int64) CODEC(Delta, ZSTD),
    ask_lots Array(Int64) CODEC(ZSTD)
) ENGINE = MergeTree ORDER BY (session, instrument_id, seq)
SETTINGS non_replicated_deduplication_window = 100;

-- A row per event with its levels as arrays (a row per level is v_book_levels): ten times fewer rows to write.
CREATE TABLE IF NOT EXISTS book_deltas (
    session LowCardinality(String),
    instrument_id LowCardinality(String),
    seq UInt64 CODEC(Delta, ZSTD),
    ts_ns DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    recv_ns DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    local_ns DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    root_seq UInt64 CODEC(Delta, ZSTD),
    first_update_id Int64 CODEC(Delta, ZSTD),
    update_id Int64 CODEC(Delta, ZSTD),
    bid_ticks Array(Int64) CODEC(Delta, ZSTD),
    bid_lots Array(Int64) CODEC(ZSTD),
    ask_ticks Array(Int64) CODEC(Delta, ZSTD),
    ask_lots Array(Int64) CODEC(ZSTD)
) ENGINE = MergeTree ORDER BY (session, instrument_id, seq)
SETTINGS non_replicated_deduplication_window = 100;

CREATE TABLE IF NOT EXISTS book_tops (
    session LowCardinality(String),
    instrument_id LowCardinality(String),
    seq UInt64 CODEC(Delta, ZSTD),
    ts_ns DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    recv_ns DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    local_ns DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    root_seq UInt64 CODEC(Delta, ZSTD),
    update_id Int64 CODEC(Delta, ZSTD),
    bid_ticks Int64 CODEC(Delta, ZSTD),
    bid_lots Int64 CODEC(ZSTD),
    ask_ticks Int64 CODEC(Delta, ZSTD),
    ask_lots Int64 CODEC(ZSTD)
) ENGINE = MergeTree ORDER BY (session, instrument_id, seq)
SETTINGS non_replicated_deduplication_window = 100;

CREATE TABLE IF NOT EXISTS trades (
    session LowCardinality(String),
    instrument_id LowCardinality(String),
    seq UInt64 CODEC(Delta, ZSTD),
    ts_ns DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    recv_ns DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    local_ns DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    root_seq UInt64 CODEC(Delta, ZSTD),
    trade_id Int64 CODEC(Delta, ZSTD),
    side LowCardinality(String) COMMENT 'of the taker: buy or sell',
    price_ticks Int64 CODEC(Delta, ZSTD),
    qty_lots Int64 CODEC(ZSTD)
) ENGINE = MergeTree ORDER BY (session, instrument_id, seq)
SETTINGS non_replicated_deduplication_window = 100;

CREATE TABLE IF NOT EXISTS ticks (
    session LowCardinality(String),
    seq UInt64 CODEC(Delta, ZSTD),
    ts_ns DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    recv_ns DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    local_ns DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    root_seq UInt64 CODEC(Delta, ZSTD)
) ENGINE = MergeTree ORDER BY (session, seq)
SETTINGS non_replicated_deduplication_window = 100;

CREATE TABLE IF NOT EXISTS operator_commands (
    session LowCardinality(String),
    seq UInt64,
    ts_ns DateTime64(9, 'UTC'),
    recv_ns DateTime64(9, 'UTC'),
    local_ns DateTime64(9, 'UTC'),
    root_seq UInt64,
    command LowCardinality(String) COMMENT 'halt, reduce, resume, flatten or set',
    key String,
    value String
) ENGINE = MergeTree ORDER BY (session, seq)
SETTINGS non_replicated_deduplication_window = 100;
