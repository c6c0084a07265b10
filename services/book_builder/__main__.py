"""The book_builder on the bus: assembly only."""

from mm_service.node_service import run_node
from mm_services.book_builder.figures import FIGURES

if __name__ == "__main__":
    run_node("book_builder", FIGURES)
