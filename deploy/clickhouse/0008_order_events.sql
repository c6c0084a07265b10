-- Events of orders have one form: each says side, price, quantity and what is left. Why risk made an order smaller is its `reason`.

ALTER TABLE intents
    ADD COLUMN IF NOT EXISTS leaves_lots Nullable(Int64) COMMENT 'what of the order is not filled' CODEC(ZSTD),
    ADD COLUMN IF NOT EXISTS mid_half_ticks Nullable(Int64) COMMENT 'bid + ask of the Book decided on; 0 where unknown' CODEC(ZSTD);

CREATE OR REPLACE VIEW v_orders AS
SELECT
    session, instrument_id, seq, event, ts_ns, local_ns, order_id, side,
    price_ticks * tick AS price, qty_lots * lot AS qty, leaves_lots * lot AS leaves,
    time_in_force, reason
FROM (
    SELECT
        session, instrument_id, seq, event, ts_ns, local_ns, order_id, side, price_ticks, qty_lots, leaves_lots,
        time_in_force, reason
    FROM orders
    UNION ALL
    SELECT
        session, instrument_id, seq, 'OrderFilled', ts_ns, local_ns, order_id, side, price_ticks, qty_lots, leaves_lots,
        NULL, NULL
    FROM fills
) AS life
INNER JOIN v_units USING (session, instrument_id);

CREATE OR REPLACE VIEW risk_decisions AS
SELECT session, instrument_id, seq, event, ts_ns, local_ns, order_id, side, price_ticks, qty_lots, reason
FROM orders
WHERE event IN ('SubmitOrder', 'CancelOrder', 'AmendOrder', 'OrderDenied');

ALTER TABLE orders DROP COLUMN IF EXISTS adjusted_reason;
