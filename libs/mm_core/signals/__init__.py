"""What the book says beyond its levels: volatility, flow, micro-price, executable spreads; and the book builder."""
