"""The risk on the bus: assembly only."""

from mm_service.node_service import run_node
from mm_services.risk.figures import FIGURES

if __name__ == "__main__":
    run_node("risk", FIGURES)
