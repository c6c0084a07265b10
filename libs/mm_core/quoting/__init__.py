"""What we want to quote, and how wanted quotes become orders. A new strategy is one file here (see README.md)."""
