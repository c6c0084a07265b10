"""Runs many: what a session is asked to do, its processes, supervision, the operator. See README.md."""
