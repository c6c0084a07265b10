"""Target quotes, and how they become orders. A new strategy is one file here (see README.md)."""
