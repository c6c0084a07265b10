"""The order book: integer ticks and lots, one code path for both sides, bounded work per update."""
