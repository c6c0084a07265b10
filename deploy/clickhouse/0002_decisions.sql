-- What the nodes said: the book with its signals, orders, and the account. As 0001: one row is one event.
-- Where a table holds several types of events, `event` names the type, and what a type does not have is NULL.

CREATE TABLE IF NOT EXISTS books (
    session LowCardinality(String),
    instrument_id LowCardinality(String),
    seq UInt64 CODEC(Delta, ZSTD),
    ts_ns DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    local_ns DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    state LowCardinality(String) COMMENT 'syncing, valid, stale or gap',
    epoch Int64,
    update_id Int64 CODEC(Delta, ZSTD),
    complete_low_ticks Int64 CODEC(ZSTD),
    complete_high_ticks Int64 CODEC(ZSTD),
    bid_ticks Int64 CODEC(Delta, ZSTD),
    bid_lots Int64 CODEC(ZSTD),
    ask_ticks Int64 CODEC(Delta, ZSTD),
    ask_lots Int64 CODEC(ZSTD),
    mid_half_ticks Int64 CODEC(Delta, ZSTD),
    weighted_mid_ticks Float64 CODEC(ZSTD),
    volatility_ticks_sqrt_s Float64 CODEC(ZSTD) COMMENT 'nan until warm',
    micro_stdev_ticks Float64 CODEC(ZSTD),
    micro_min_ticks Float64 CODEC(ZSTD),
    micro_max_ticks Float64 CODEC(ZSTD),
    ofi_lots Int64 CODEC(ZSTD),
    executable_spread_bps Array(Nullable(Float64)) CODEC(ZSTD),
    fillable_fraction Array(Float64) CODEC(ZSTD)
) ENGINE = MergeTree ORDER BY (session, instrument_id, seq)
SETTINGS non_replicated_deduplication_window = 100;

CREATE TABLE IF NOT EXISTS intents (
    session LowCardinality(String),
    instrument_id LowCardinality(String),
    seq UInt64 CODEC(Delta, ZSTD),
    event LowCardinality(String) COMMENT 'OrderIntent, CancelIntent or AmendIntent',
    ts_ns DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    local_ns DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    order_id Int64 CODEC(Delta, ZSTD),
    side LowCardinality(Nullable(String)),
    price_ticks Nullable(Int64) CODEC(ZSTD),
    qty_lots Nullable(Int64) CODEC(ZSTD),
    time_in_force LowCardinality(Nullable(String)) COMMENT 'gtc, gtx (post-only) or ioc',
    fair_ticks Nullable(Float64) CODEC(ZSTD),
    reservation_ticks Nullable(Float64) CODEC(ZSTD),
    half_spread_ticks Nullable(Float64) CODEC(ZSTD),
    volatility_ticks_sqrt_s Nullable(Float64) CODEC(ZSTD),
    position_lots Nullable(Int64) CODEC(ZSTD)
) ENGINE = MergeTree ORDER BY (session, instrument_id, seq)
SETTINGS non_replicated_deduplication_window = 100;

CREATE TABLE IF NOT EXISTS orders (
    session LowCardinality(String),
    instrument_id LowCardinality(String),
    seq UInt64 CODEC(Delta, ZSTD),
    event LowCardinality(String) COMMENT 'SubmitOrder .. OrderExpired; fills have their own table',
    ts_ns DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    local_ns DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    order_id Int64 CODEC(Delta, ZSTD),
    side LowCardinality(Nullable(String)),
    price_ticks Nullable(Int64) CODEC(ZSTD),
    qty_lots Nullable(Int64) CODEC(ZSTD),
    time_in_force LowCardinality(Nullable(String)),
    reason LowCardinality(Nullable(String)) COMMENT 'why risk made it smaller or denied it, or the venue rejected it',
    leaves_lots Nullable(Int64) CODEC(ZSTD)
) ENGINE = MergeTree ORDER BY (session, instrument_id, seq)
SETTINGS non_replicated_deduplication_window = 100;

CREATE TABLE IF NOT EXISTS fills (
    session LowCardinality(String),
    instrument_id LowCardinality(String),
    seq UInt64 CODEC(Delta, ZSTD),
    ts_ns DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    local_ns DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    order_id Int64 CODEC(Delta, ZSTD),
    side LowCardinality(String),
    price_ticks Int64 CODEC(Delta, ZSTD),
    qty_lots Int64 CODEC(ZSTD),
    leaves_lots Int64 CODEC(ZSTD),
    maker Bool,
    fee_e9 Int64 CODEC(ZSTD)
) ENGINE = MergeTree ORDER BY (session, instrument_id, seq)
SETTINGS non_replicated_deduplication_window = 100;

CREATE TABLE IF NOT EXISTS trading_states (
    session LowCardinality(String),
    instrument_id LowCardinality(String),
    seq UInt64,
    event LowCardinality(String) COMMENT 'TradingState or LimitChanged',
    ts_ns DateTime64(9, 'UTC'),
    local_ns DateTime64(9, 'UTC'),
    state LowCardinality(Nullable(String)) COMMENT 'active, reducing or halted',
    reason LowCardinality(Nullable(String)),
    name LowCardinality(Nullable(String)),
    value Nullable(Int64),
    text LowCardinality(Nullable(String))
) ENGINE = MergeTree ORDER BY (session, instrument_id, seq)
SETTINGS non_replicated_deduplication_window = 100;

CREATE TABLE IF NOT EXISTS positions (
    session LowCardinality(String),
    instrument_id LowCardinality(String),
    seq UInt64 CODEC(Delta, ZSTD),
    ts_ns DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    local_ns DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    position_lots Int64 CODEC(ZSTD),
    average_price_ticks Float64 CODEC(ZSTD),
    realised_e9 Int64 CODEC(ZSTD),
    unrealised_e9 Int64 CODEC(ZSTD),
    fees_e9 Int64 CODEC(ZSTD),
    spread_e9 Int64 CODEC(ZSTD),
    inventory_e9 Int64 CODEC(ZSTD)
) ENGINE = MergeTree ORDER BY (session, instrument_id, seq)
SETTINGS non_replicated_deduplication_window = 100;

CREATE TABLE IF NOT EXISTS account_snapshots (
    session LowCardinality(String),
    instrument_id LowCardinality(String),
    seq UInt64,
    ts_ns DateTime64(9, 'UTC'),
    local_ns DateTime64(9, 'UTC'),
    position_lots Int64,
    cash_half_tick_lots Int64,
    fees_e9 Int64
) ENGINE = MergeTree ORDER BY (session, instrument_id, seq)
SETTINGS non_replicated_deduplication_window = 100;

CREATE TABLE IF NOT EXISTS markouts (
    session LowCardinality(String),
    instrument_id LowCardinality(String),
    seq UInt64 CODEC(Delta, ZSTD),
    ts_ns DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    local_ns DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    order_id Int64 CODEC(Delta, ZSTD),
    horizon_ns Int64 CODEC(ZSTD),
    markout_ticks Nullable(Float64) CODEC(ZSTD)
) ENGINE = MergeTree ORDER BY (session, instrument_id, seq)
SETTINGS non_replicated_deduplication_window = 100;

CREATE TABLE IF NOT EXISTS kpis (
    session LowCardinality(String),
    instrument_id LowCardinality(String),
    seq UInt64 CODEC(Delta, ZSTD),
    ts_ns DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    local_ns DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    values Map(LowCardinality(String), Nullable(Float64)) CODEC(ZSTD)
) ENGINE = MergeTree ORDER BY (session, instrument_id, seq)
SETTINGS non_replicated_deduplication_window = 100;

-- How far the log is stored in all tables: max(seq) of a session. A row is written after each batch; merges drop old ones.
CREATE TABLE IF NOT EXISTS archived (
    session LowCardinality(String),
    seq UInt64,
    written_at DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = ReplacingMergeTree(seq) ORDER BY session
SETTINGS non_replicated_deduplication_window = 100;
