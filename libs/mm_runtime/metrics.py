"""Figures of a service for Prometheus, read when they are asked for: the service only keeps its counts."""

from collections.abc import Callable, Iterator
from typing import Any

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

PREFIX = "mm"
# From a tenth of a millisecond, which a compiled step takes, to the second after which something is wrong.
SECONDS_BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
Read = Callable[[], float]


class Metrics(Collector):
    """The metrics of one service; all are named `mm_<service>_<name>`, or `mm_<name>` where every service has them."""

    def __init__(self, service: str) -> None:
        self.registry = CollectorRegistry()
        self._service = service
        self._reads: list[tuple[type[Any], str, str, Read, dict[str, str]]] = []
        self.registry.register(self)

    def gauge(self, name: str, text: str, read: Read, **labels: str) -> None:
        """A value that goes up and down."""
        self._reads.append((GaugeMetricFamily, self._name(name), text, read, labels))

    def counter(self, name: str, text: str, read: Read, **labels: str) -> None:
        """A count since the service started; its name ends in `_total` when it is scraped."""
        self._reads.append((CounterMetricFamily, self._name(name), text, read, labels))

    def seconds(self, name: str, text: str) -> Callable[[float], None]:
        """A histogram of durations in seconds; what is returned observes one."""
        return Histogram(self._name(name), text, registry=self.registry, buckets=SECONDS_BUCKETS).observe

    def collect(self) -> Iterator[Metric]:
        """What Prometheus asks for."""
        families: dict[str, Any] = {}
        for kind, name, text, read, labels in self._reads:
            family = families.setdefault(name, kind(name, text, labels=list(labels)))
            family.add_metric(list(labels.values()), float(read()))
        yield from families.values()

    def _name(self, name: str) -> str:
        return f"{PREFIX}_{self._service}_{name}"
