"""Binance Spot: market streams, REST depth snapshot, exchangeInfo. See README.md for the evidence."""
