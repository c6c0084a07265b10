-- When a halt ends by itself, and the drawdown after each fill.

ALTER TABLE trading_states
    ADD COLUMN IF NOT EXISTS resumes_ns Nullable(Int64) COMMENT 'Unix time, ns; 0 until a command';

ALTER TABLE positions
    ADD COLUMN IF NOT EXISTS drawdown_e9 Int64 COMMENT 'result after fees below its peak since the start',
    ADD COLUMN IF NOT EXISTS drawdown_max_e9 Int64;

CREATE OR REPLACE VIEW v_positions AS
SELECT
    session, instrument_id, seq, ts_ns, local_ns,
    position_lots * lot AS position,
    average_price_ticks * toFloat64(tick) AS average_price,
    realised_e9 * toDecimal64('0.000000001', 9) AS realised,
    unrealised_e9 * toDecimal64('0.000000001', 9) AS unrealised,
    fees_e9 * toDecimal64('0.000000001', 9) AS fees,
    spread_e9 * toDecimal64('0.000000001', 9) AS spread,
    inventory_e9 * toDecimal64('0.000000001', 9) AS inventory,
    drawdown_e9 * toDecimal64('0.000000001', 9) AS drawdown,
    drawdown_max_e9 * toDecimal64('0.000000001', 9) AS drawdown_max
FROM positions
INNER JOIN v_units USING (session, instrument_id);
