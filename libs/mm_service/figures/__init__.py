"""Metrics of services, one module a concern: docs/metrics.md lists all of them.

Everything here only reads, when it is scraped; what no state holds is counted beside the step. Amounts are floats in
base and quote currency: for display, nothing decides on them.
"""
