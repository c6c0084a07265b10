"""The archiver on the bus: assembly only."""

from mm_runtime.archiver import start
from mm_runtime.service import run_service

if __name__ == "__main__":
    run_service("archiver", start)
