-- When a halt ends by itself, and the drawdown after each fill.

ALTER TABLE trading_states
    ADD COLUMN IF NOT EXISTS resumes_ns Nullable(Int64) COMMENT 'Unix time, ns; 0 until a command';

ALTER TABLE positions
    ADD COLUMN IF NOT EXISTS drawdown_e9 Int64 COMMENT 'result after fees below its peak since the start',
    ADD COLUMN IF NOT EXISTS drawdown_max_e9 Int64;
