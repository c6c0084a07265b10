"""The quoter on the bus: assembly only."""

from mm_service.node_service import run_node
from mm_services.quoter.figures import FIGURES

if __name__ == "__main__":
    run_node("quoter", FIGURES)
