"""Where the frames of a session come from, as `--source` of `paper` and of the recorder says it."""

LIVE = "live"
REPLAY = "replay:"  # <file>[,<file>...] with their recorded times
PACED = "paced:"  # as if they came now
