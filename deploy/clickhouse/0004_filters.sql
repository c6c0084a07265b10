-- The venue's filters and the symbol's status, and why a book is worse than its feed says.

ALTER TABLE instruments
    ADD COLUMN IF NOT EXISTS status LowCardinality(String),
    ADD COLUMN IF NOT EXISTS qty_lots_max Int64,
    ADD COLUMN IF NOT EXISTS notional_e9_max Int64,
    ADD COLUMN IF NOT EXISTS price_ticks_min Int64,
    ADD COLUMN IF NOT EXISTS price_ticks_max Int64,
    ADD COLUMN IF NOT EXISTS bid_up_ppm Int64,
    ADD COLUMN IF NOT EXISTS bid_down_ppm Int64,
    ADD COLUMN IF NOT EXISTS ask_up_ppm Int64,
    ADD COLUMN IF NOT EXISTS ask_down_ppm Int64,
    ADD COLUMN IF NOT EXISTS orders_max Int64;

ALTER TABLE books
    ADD COLUMN IF NOT EXISTS reason Int64 COMMENT 'BookReason: 1 silent, 2 crossed, 3 touch outside of the complete window';
