"""Where the frames of a session come from, as in `--source` of `paper` and of the recorder."""

LIVE = "live"
REPLAY = "replay:"  # <file>[,<file>...] with their recorded times
PACED = "paced:"  # as if they came now
