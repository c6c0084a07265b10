"""Knows venues: frames to root events, pure; one folder per venue. See README.md."""
