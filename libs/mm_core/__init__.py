"""The decisions: pure, deterministic, compiled; no clock, no I/O, no chance of their own. See README.md."""
