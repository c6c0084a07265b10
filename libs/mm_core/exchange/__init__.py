"""The paper exchange: what a venue would have said. Latency both ways, queue position, honest shares of each trade."""
