-- Human units: prices in quote, quantities in base, money in quote, all exact decimals.

CREATE OR REPLACE VIEW v_units AS
SELECT
    session,
    instrument_id,
    toDecimal256OrNull(argMax(tick_size, seq), 18) AS tick,
    toDecimal256OrNull(argMax(lot_size, seq), 18) AS lot
FROM instruments
GROUP BY session, instrument_id;

CREATE OR REPLACE VIEW v_trades AS
SELECT session, instrument_id, seq, ts_ns, local_ns, trade_id, side, price_ticks * tick AS price, qty_lots * lot AS qty
FROM trades
INNER JOIN v_units USING (session, instrument_id);

CREATE OR REPLACE VIEW v_book_tops AS
SELECT
    session, instrument_id, seq, ts_ns, local_ns, update_id,
    bid_ticks * tick AS bid, bid_lots * lot AS bid_qty, ask_ticks * tick AS ask, ask_lots * lot AS ask_qty
FROM book_tops
INNER JOIN v_units USING (session, instrument_id);

-- The levels of the deltas, one a row; qty 0 removes the level.
CREATE OR REPLACE VIEW v_book_levels AS
SELECT
    session, instrument_id, seq, ts_ns, local_ns, update_id,
    level.1 AS side, level.2 * tick AS price, level.3 * lot AS qty
FROM (
    SELECT
        session, instrument_id, seq, ts_ns, local_ns, update_id,
        arrayJoin(arrayConcat(
            arrayMap((ticks, lots) -> ('buy', ticks, lots), bid_ticks, bid_lots),
            arrayMap((ticks, lots) -> ('sell', ticks, lots), ask_ticks, ask_lots)
        )) AS level
    FROM book_deltas
) AS levels
INNER JOIN v_units USING (session, instrument_id);

CREATE OR REPLACE VIEW v_books AS
SELECT
    session, instrument_id, seq, ts_ns, local_ns, state, epoch, update_id,
    bid_ticks * tick AS bid, bid_lots * lot AS bid_qty, ask_ticks * tick AS ask, ask_lots * lot AS ask_qty,
    mid_half_ticks * tick / 2 AS mid,
    weighted_mid_ticks * toFloat64(tick) AS weighted_mid,
    volatility_ticks_sqrt_s * toFloat64(tick) AS volatility_sqrt_s,
    ofi_lots * lot AS ofi,
    executable_spread_bps, fillable_fraction
FROM books
INNER JOIN v_units USING (session, instrument_id);

-- Every order event with its fills, in the order of the log.
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

CREATE OR REPLACE VIEW v_fills AS
SELECT
    session, instrument_id, seq, ts_ns, local_ns, order_id, side,
    price_ticks * tick AS price, qty_lots * lot AS qty, leaves_lots * lot AS leaves, maker,
    price_ticks * qty_lots * (tick * lot) AS value,
    fee_e9 * toDecimal64('0.000000001', 9) AS fee
FROM fills
INNER JOIN v_units USING (session, instrument_id);

CREATE OR REPLACE VIEW v_positions AS
SELECT
    session, instrument_id, seq, ts_ns, local_ns,
    position_lots * lot AS position,
    average_price_ticks * toFloat64(tick) AS average_price,
    realised_e9 * toDecimal64('0.000000001', 9) AS realised,
    unrealised_e9 * toDecimal64('0.000000001', 9) AS unrealised,
    fees_e9 * toDecimal64('0.000000001', 9) AS fees,
    spread_e9 * toDecimal64('0.000000001', 9) AS spread,
    inventory_e9 * toDecimal64('0.000000001', 9) AS inventory
FROM positions
INNER JOIN v_units USING (session, instrument_id);

-- What risk answered: let through (and why less), passed on, or denied and why.
CREATE OR REPLACE VIEW risk_decisions AS
SELECT
    session, instrument_id, seq, event, ts_ns, local_ns, order_id, side, price_ticks, qty_lots, reason
FROM orders
WHERE event IN ('SubmitOrder', 'CancelOrder', 'AmendOrder', 'OrderDenied');
