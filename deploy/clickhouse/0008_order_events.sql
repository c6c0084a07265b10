-- What is left of an order stands in its intents too, with the mid that they were decided on. Why risk made an order smaller is its `reason`;
-- a store of before keeps its column `adjusted_reason`, of which nothing is written any more: the archiver may destroy nothing.

ALTER TABLE intents
    ADD COLUMN IF NOT EXISTS leaves_lots Nullable(Int64) COMMENT 'what of the order is not filled' CODEC(ZSTD),
    ADD COLUMN IF NOT EXISTS mid_half_ticks Nullable(Int64) COMMENT 'bid + ask of the Book decided on; 0 where unknown' CODEC(ZSTD);
