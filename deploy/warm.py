"""Compile what services call, into NUMBA_CACHE_DIR: run while an image is built.

python deploy/warm.py deploy/config
"""

import os
import sys
from pathlib import Path

from mm_core.cpu import check_cpu
from mm_core.events import InstrumentDefined
from mm_core.setup.warm import warm
from mm_service.config import load_config
from mm_venues.audit import warm_book

INSTRUMENT = InstrumentDefined(
    instrument_id="binance.WARM", ts_ns=0, venue_symbol="WARM", tick_size="0.01", lot_size="0.0001"
)


def main(folder: str) -> None:
    """Warm the core for every configuration of a folder."""
    check_cpu(os.environ.get("NUMBA_CPU_NAME"))
    for path in sorted(Path(folder).glob("*.toml")):
        warm(load_config(path, environment={}), INSTRUMENT)
    warm_book()


if __name__ == "__main__":
    main(sys.argv[1])
