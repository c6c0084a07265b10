"""The replay venue: assembly only."""

import sys

from mm_core.types import InputError
from mm_services.replay_venue.serve import main


def tell(line: str) -> None:
    """One line on stderr, as logs are."""
    print(line, file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    try:
        main(tell)
    except InputError as error:
        tell(f"error: {error}")
        sys.exit(2)
