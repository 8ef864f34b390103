"""The values of all metrics of one process, in a registry of their own.

Past :data:`MAX_LABEL_VALUES` values of a label, further ones become "other", so that a defect cannot flood
the metrics database.
"""

from collections.abc import Mapping
from typing import Final, TypeAlias

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from bots.observability.metrics import ALL, Metric

MAX_LABEL_VALUES: Final = 40  #: distinct values of one label of one metric

_Collector: TypeAlias = Counter | Gauge | Histogram


class Metrics:
    """All metrics of one process in a registry of their own."""

    def __init__(self, *, process: bool = True) -> None:
        """Create every metric; ``process`` adds memory, CPU time and file handles of the process."""
        self.registry = CollectorRegistry()
        if process:
            ProcessCollector(registry=self.registry)
            PlatformCollector(registry=self.registry)
            GCCollector(registry=self.registry)
        self._collectors: Mapping[Metric, _Collector] = {
            metric: self._build_collector(metric) for metric in ALL
        }
        self._children: dict[tuple[Metric, tuple[str, ...]], _Collector] = {}
        self._label_values: dict[tuple[Metric, int], set[str]] = {}

    def increment(self, metric: Metric, *labels: str, amount: float = 1.0) -> None:
        """Add ``amount`` to a counter."""
        child = self._child(metric, labels)
        if not isinstance(child, Counter):
            raise TypeError(f"{metric.name} is not a counter")
        child.inc(amount)

    def observe(self, metric: Metric, *labels: str, seconds: float) -> None:
        """Record a duration in a histogram."""
        child = self._child(metric, labels)
        if not isinstance(child, Histogram):
            raise TypeError(f"{metric.name} is not a histogram")
        child.observe(seconds)

    def set_gauge(self, metric: Metric, *labels: str, value: float) -> None:
        """Set a gauge to ``value``."""
        child = self._child(metric, labels)
        if not isinstance(child, Gauge):
            raise TypeError(f"{metric.name} is not a gauge")
        child.set(value)

    def render(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self.registry)

    def value(self, name: str, **labels: str) -> float:
        """Return the value of one sample; 0 if it does not exist yet."""
        return self.registry.get_sample_value(name, labels) or 0.0

    def _build_collector(self, metric: Metric) -> _Collector:
        match metric.kind:
            case "counter":
                name = metric.name.removesuffix("_total")
                return Counter(name, metric.help, metric.labels, registry=self.registry)
            case "gauge":
                return Gauge(metric.name, metric.help, metric.labels, registry=self.registry)
            case "histogram":
                return Histogram(
                    metric.name, metric.help, metric.labels, registry=self.registry, buckets=metric.buckets
                )

    def _child(self, metric: Metric, labels: tuple[str, ...]) -> _Collector:
        """Return the time series of a metric with these label values."""
        child = self._children.get((metric, labels))
        if child is None:
            collector = self._collectors[metric]
            bounded = tuple(self._bounded_label(metric, index, value) for index, value in enumerate(labels))
            child = collector.labels(*bounded) if bounded else collector
            if bounded == labels:
                self._children[metric, labels] = child
        return child

    def _bounded_label(self, metric: Metric, index: int, value: str) -> str:
        """Return ``value``, or "other" once the label has :data:`MAX_LABEL_VALUES` values."""
        values = self._label_values.setdefault((metric, index), set())
        if value not in values and len(values) >= MAX_LABEL_VALUES:
            return "other"
        values.add(value)
        return value
