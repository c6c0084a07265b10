"""The paper_exchange on the bus: assembly only."""

from mm_service.node_service import run_node
from mm_services.paper_exchange.figures import FIGURES

if __name__ == "__main__":
    run_node("paper_exchange", FIGURES)
