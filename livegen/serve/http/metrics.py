"""What the service counts, for Prometheus; what the queue knows is asked when it is scraped."""

from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from livegen.errors import QueueError

_SECONDS: Final = (0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0)

Gauges = Callable[[], tuple[dict[str, float], dict[str, float]]]
"""Returns what is there now, and what was counted since the queue was made, each by its name."""


class Metrics:
    """Counters of a server."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._requests = Counter(
            "livegen_requests", "Answers, by method and status.", ["method", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "livegen_request_seconds", "Time until an answer was sent.", buckets=_SECONDS, registry=self._registry
        )
        self._refused = Counter("livegen_refused", "Requests that the door refused.", registry=self._registry)

    def count_request(self, method: str, status: int, seconds: float, *, is_refused: bool) -> None:
        """Count an answer."""
        method = method if method in ("GET", "POST", "PUT", "DELETE") else "other"
        self._requests.labels(method, str(status)).inc()
        self._seconds.observe(seconds)
        if is_refused:
            self._refused.inc()

    def watch(self, gauges: Gauges) -> None:
        """Tell what a function returns, too, whenever somebody asks."""
        self._registry.register(_Watched(gauges))

    def text(self) -> bytes:
        """Return all in the text format of Prometheus."""
        return generate_latest(self._registry)


class _Watched:
    def __init__(self, gauges: Gauges) -> None:
        self._gauges = gauges

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics; without the queue there are none of it, but that it is not there."""
        try:
            now, counted = self._gauges()
        except QueueError:
            yield GaugeMetricFamily("livegen_queue_up", "Whether the queue is there.", 0)
            return
        yield GaugeMetricFamily("livegen_queue_up", "Whether the queue is there.", 1)
        for name, value in now.items():
            yield GaugeMetricFamily(f"livegen_{name}", f"{name.replace('_', ' ')} now.", value)
        for name, value in counted.items():
            yield CounterMetricFamily(f"livegen_{name}", f"{name.replace('_', ' ')} since the queue was made.", value)
