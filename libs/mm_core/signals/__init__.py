"""Signals from the book: volatility, flow, micro-price, executable spreads; and the book builder."""
