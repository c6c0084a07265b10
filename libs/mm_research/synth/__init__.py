"""A seeded synthetic market with a known truth, in the recorded format. See samples/README.md for its law."""
