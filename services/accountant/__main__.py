"""The accountant on the bus: assembly only."""

from mm_service.node_service import run_node
from mm_services.accountant.figures import FIGURES

if __name__ == "__main__":
    run_node("accountant", FIGURES)
