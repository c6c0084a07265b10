"""The command line `crypto-mm`. See README.md."""
