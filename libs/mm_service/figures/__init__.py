"""What each service tells Prometheus, one module a concern: docs/metrics.md lists all of it.

Everything here only reads, when it is scraped; what no state holds is counted beside the step. Amounts are floats in
base and quote currency: for display, nothing decides on them.
"""
