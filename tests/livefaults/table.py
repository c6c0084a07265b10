"""The table of faults, what is right, and what was seen."""

import sys
from pathlib import Path

HEAD = """\
# Live faults

Each row is a live paper session of all services over NATS, on a venue on the wire that makes a small market in real
time (`tests/livefaults`), in which one thing goes wrong while it trades. Generated: see
`tests/livefaults/test_live_faults.py`.

- **orders, fills**: how many in the fault where there may be none.
- **untrue**: books that were VALID and not the venue's own of that update id, in the complete session.
- **late**: orders on the log more than 3.5 s after their cause: a frozen node still reports on the root that it had.
- **found, proven**: seconds from the fault's begin to a book that is void, and from its end (a fault that lasts: its
  begin) to one that is proven again; an order followed.
- **check**: the session verifies, and the backtest of its tape has its digests.

| fault | right | orders | fills | untrue | late | book, reason | found s | proven s | check |
|---|---|---|---|---|---|---|---|---|---|
"""


def write(rows: list[str], path: str) -> None:
    """Print the rows, and write the whole table to a file if one is named."""
    text = HEAD + "".join(f"{row}\n" for row in rows)
    sys.stdout.write(f"\n{text}")
    if path:
        Path(path).write_text(text)
