"""The programs on the bus. See README.md."""
