"""Metrics of a service for Prometheus, read at the scrape: the service itself only counts."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import accumulate
from typing import Any

from prometheus_client import ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

PREFIX = "mm"
# From a tenth of a millisecond, which a compiled step takes, to the second after which something is wrong.
SECONDS_BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
BOUNDS = (*map(str, SECONDS_BUCKETS), "+Inf")
Read = Callable[[], float]


class Seconds:
    """A histogram of durations. prometheus_client's own takes a lock and five times as long, on every event."""

    def __init__(self) -> None:
        self._counts = [0] * len(BOUNDS)
        self._sum_s = 0.0

    def observe(self, seconds: float) -> None:
        """Count one duration."""
        self._counts[bisect_left(SECONDS_BUCKETS, seconds)] += 1
        self._sum_s += seconds

    def family(self, name: str, text: str) -> HistogramMetricFamily:
        """As Prometheus reads it."""
        buckets = list(zip(BOUNDS, map(float, accumulate(self._counts)), strict=True))
        return HistogramMetricFamily(name, text, buckets=buckets, sum_value=self._sum_s)


class Metrics(Collector):
    """The metrics of one service: all are named `mm_<service>_<name>` and carry the label `group`, if it is of one."""

    def __init__(self, service: str, group: str) -> None:
        self._service = service
        self._group = group
        self._reads: list[tuple[type[Any], str, str, Read, dict[str, str]]] = []
        self._seconds: list[tuple[str, str, Seconds]] = []
        self._later: list[tuple[Callable[[], bool], Callable[[], None]]] = []
        self._process = ProcessCollector(namespace=f"{PREFIX}_{service}", registry=None)

    def gauge(self, name: str, text: str, read: Read, **labels: str) -> None:
        """A value that goes up and down."""
        self._reads.append((GaugeMetricFamily, self._name(name), text, read, labels))

    def counter(self, name: str, text: str, read: Read, **labels: str) -> None:
        """A count since the service started; its name ends in `_total` when it is scraped."""
        self._reads.append((CounterMetricFamily, self._name(name), text, read, labels))

    def gauges(self, name: str, text: str, label: str, values: Sequence[str], read: Callable[[str], float]) -> None:
        """One gauge for each of `values` of a label, which `read` returns."""
        for value in values:
            self.gauge(name, text, partial(read, value), **{label: value})

    def states(
        self, name: str, text: str, states: Sequence[str], read: Callable[[], str], label: str = "state"
    ) -> None:
        """One gauge for each of `states`: 1 for the one that `read` gives, 0 for the others."""
        self.gauges(name, text, label, states, lambda state: float(read() == state))

    def seconds(self, name: str, text: str) -> Callable[[float], None]:
        """A histogram of durations in seconds; the returned function observes one."""
        seconds = Seconds()
        self._seconds.append((self._name(name), text, seconds))
        return seconds.observe

    def when(self, holds: Callable[[], bool], add: Callable[[], None]) -> None:
        """Call `add`, which adds metrics, at the first scrape at which `holds()`."""
        self._later.append((holds, add))

    def collect(self) -> Iterator[Metric]:
        """What Prometheus scrapes."""
        for ready in [each for each in self._later if each[0]()]:
            self._later.remove(ready)
            ready[1]()
        for family in self._families():
            for sample in family.samples if self._group else ():
                sample.labels["group"] = self._group
            yield family

    def _families(self) -> Iterable[Metric]:
        families: dict[str, Any] = {}
        for kind, name, text, read, labels in self._reads:
            family = families.setdefault(name, kind(name, text, labels=list(labels)))
            family.add_metric(list(labels.values()), float(read()))
        yield from families.values()
        for name, text, seconds in self._seconds:
            yield seconds.family(name, text)
        yield from self._process.collect()

    def _name(self, name: str) -> str:
        return f"{PREFIX}_{self._service}_{name}"
