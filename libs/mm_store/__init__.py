"""Storage: recorded frames and tapes on disk, and what turns one into the other. See README.md."""
