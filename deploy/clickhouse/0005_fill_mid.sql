-- The venue's mid just before each fill, and what each fill earned of the half-spread that its order quoted.

ALTER TABLE fills
    ADD COLUMN IF NOT EXISTS mid_half_ticks Int64 COMMENT 'bid + ask of the venue just before it; 0 where unknown' CODEC(Delta, ZSTD);

CREATE OR REPLACE VIEW v_fills AS
SELECT
    session, instrument_id, seq, ts_ns, local_ns, order_id, side,
    price_ticks * tick AS price, qty_lots * lot AS qty, leaves_lots * lot AS leaves, maker,
    price_ticks * qty_lots * (tick * lot) AS value,
    fee_e9 * toDecimal64('0.000000001', 9) AS fee,
    nullIf(mid_half_ticks, 0) * tick / 2 AS mid
FROM fills
INNER JOIN v_units USING (session, instrument_id);

-- Half-spreads of each fill in quote, a gain above 0; null where unknown (docs/figures.md). `realised_1s_seen` is against
-- the mid of our own Book one second later: the one figure here that is not of the venue's mid, which the log's tables do
-- not hold. summary.json has it.
CREATE OR REPLACE VIEW v_fill_spreads AS
SELECT
    session, instrument_id, seq, ts_ns, local_ns, order_id, side, qty_lots * lot AS qty,
    sign * (nullIf(decided_half_ticks, 0) - 2 * order_ticks) * tick / 2 AS quoted,
    sign * (nullIf(mid_half_ticks, 0) - 2 * price_ticks) * tick / 2 AS effective,
    if(later_ns <= end_ns, sign * (nullIf(later_half_ticks, 0) - 2 * price_ticks) * tick / 2, NULL) AS realised_1s_seen
FROM (
    SELECT decided.*, later.mid_half_ticks AS later_half_ticks
    FROM (
        SELECT ordered.*, books.mid_half_ticks AS decided_half_ticks
        FROM (
            SELECT
                session, instrument_id, seq, ts_ns, local_ns, order_id, side, price_ticks, qty_lots, mid_half_ticks,
                if(side = 'buy', 1, -1) AS sign, ts_ns + INTERVAL 1 SECOND AS later_ns, intent_seq, order_ticks
            FROM fills
            INNER JOIN (
                SELECT session, instrument_id, order_id, seq AS intent_seq, price_ticks AS order_ticks
                FROM intents
                WHERE event = 'OrderIntent' AND time_in_force != 'ioc'
            ) AS wanted USING (session, instrument_id, order_id)
        ) AS ordered
        ASOF LEFT JOIN (
            SELECT session, instrument_id, seq, mid_half_ticks FROM books
            WHERE state = 'valid' AND bid_lots > 0 AND ask_lots > 0
        ) AS books
        ON ordered.session = books.session AND ordered.instrument_id = books.instrument_id AND ordered.intent_seq > books.seq
    ) AS decided
    ASOF LEFT JOIN (
        SELECT session, instrument_id, local_ns, mid_half_ticks FROM books
        WHERE state = 'valid' AND bid_lots > 0 AND ask_lots > 0
    ) AS later
    ON decided.session = later.session AND decided.instrument_id = later.instrument_id AND decided.later_ns >= later.local_ns
) AS found
INNER JOIN v_units USING (session, instrument_id)
INNER JOIN (
    SELECT session, instrument_id, max(local_ns) AS end_ns FROM books GROUP BY session, instrument_id
) AS ends USING (session, instrument_id);
