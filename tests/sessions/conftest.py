"""Make `tests.faults.*` importable: test folders are no packages (import mode importlib)."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
