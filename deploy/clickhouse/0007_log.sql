-- Every message of the log as the bus held it, fences too: what a stream or a file is restored from. `name` is a hash
-- over the message and the name of the one before it, `label` is empty for a fence, and `data` is the event in msgpack.

CREATE TABLE IF NOT EXISTS log (
    session LowCardinality(String),
    seq UInt64 CODEC(Delta, ZSTD),
    label String CODEC(ZSTD(3)),
    name String CODEC(ZSTD),
    data String CODEC(ZSTD(3)),
    stored_at DateTime('UTC') DEFAULT now() CODEC(Delta, ZSTD)
) ENGINE = MergeTree ORDER BY (session, seq)
SETTINGS non_replicated_deduplication_window = 100;
