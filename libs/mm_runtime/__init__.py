"""Runs a node live: the log on NATS, checkpoints, configuration, metrics, supervision. See README.md."""
