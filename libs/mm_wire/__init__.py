"""The names and the bytes of events: subjects, codec, schema; pure, no I/O. See README.md."""
