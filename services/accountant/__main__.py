"""The accountant on the bus: assembly only."""

from mm_runtime.figures.account import FIGURES
from mm_runtime.node_service import run_node

if __name__ == "__main__":
    run_node("accountant", FIGURES)
