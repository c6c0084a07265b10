"""Runs one process: settings, the node loop, metrics, health, a graceful stop. See README.md."""
