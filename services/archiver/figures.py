"""The archiver: how far the store is behind the log."""

from mm_service.metrics import Metrics
from mm_services.archiver.archiver import Archiver


def add_archive(metrics: Metrics, archiver: Archiver) -> None:
    """All figures of an archiver."""
    metrics.gauge("stored_seq", "Last sequence of the log in the store", lambda: archiver.stored_seq)
    metrics.gauge("file_seq", "Last sequence of the log on the disk", lambda: archiver.status()["file_seq"])
    metrics.gauge("waiting", "Events read and not stored", lambda: archiver.status()["waiting"])
    metrics.gauge("lag_events", "Events on the log that are not in the store", archiver.lag_events)
    metrics.gauge("lag_seconds", "Time since the oldest of those that are read was read", archiver.lag_s)
    metrics.gauge("is_failing", "1 while the store or the disk takes nothing", lambda: archiver.is_failing)
    metrics.counter("batches", "Batches stored", lambda: archiver.batches)
    metrics.counter("file_failures", "Tries that the disk did not take", archiver.file_failures)
    metrics.counter("failures", "Tries that the store did not take", archiver.failures)
