"""The recorder on the bus: assembly only."""

from mm_runtime.recorder import add_options, start
from mm_runtime.service import run_service

if __name__ == "__main__":
    run_service("recorder", start, add_options)
