"""The paper_exchange on the bus: assembly only."""

from mm_runtime.figures.venue import FIGURES
from mm_runtime.node_service import run_node

if __name__ == "__main__":
    run_node("paper_exchange", FIGURES)
