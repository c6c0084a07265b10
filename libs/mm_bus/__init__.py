"""Speaks NATS: connection, the ordered log, checkpoints, topology, credentials, server. See README.md."""
