"""Runs it offline: synthetic markets, backtests, calibration, sweeps and reports."""
