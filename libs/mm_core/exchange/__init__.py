"""The paper exchange: how a venue would have answered. Latency both ways, queue position, fair shares of trades."""
