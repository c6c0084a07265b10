"""The other end of the socket: Binance Spot's market data protocol, spoken from recorded frames. See README.md."""
