"""What Prometheus may ask of the state server: read from the store when it does."""

from collections.abc import Iterator

from prometheus_client import Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from services.observe.metrics import Metrics
from services.store import Store
from services.store.events import RUNNING, UNWANTED, WANTED

_BUCKETS_S = (0.1, 0.25, 0.5, 1, 2, 3, 5, 8, 12, 20, 30, 60, 120)
_GAUGES = {
    "containers": "Containers that are wanted.",
    "placed": "Wanted containers that are on a node.",
    "running": "Placed containers that their node reports ready.",
    "nodes_up": "Nodes within their lease.",
    "nodes_down": "Nodes that spoke since the start and whose lease ran out.",
    "watchers": "Requests that are held until something changes.",
    "events": "Events that are kept.",
    "revision": "Revision of the last change.",
    "journal_bytes": "Size of the journal since the last checkpoint.",
    "checkpoints": "Checkpoints since the start.",
    "commits": "Writes to disk since the start; each makes one change or more durable.",
    "changes": "Durable changes since the start.",
    "largest_batch": "Most changes that one write made durable together.",
}


class Meters(Collector):
    """The metrics of one state server, for both of its realms."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.metrics = Metrics("pull")
        registry = self.metrics.registry
        # First of all, for it fills the histogram.
        registry.register(self)
        self._passes = Counter(
            "pull_reconcile_passes_total", "Reports of agents, one or more a pass.",
            ["node"], registry=registry,
        )  # fmt: skip
        self._converged = Histogram(
            "pull_converge_seconds", "From the moment a container is wanted until it runs.",
            buckets=_BUCKETS_S, registry=registry,
        )  # fmt: skip
        # Events up to here are in the histogram; who is wanted and did not run yet: since when.
        self._looked = store.events(0).revision
        self._wanted: dict[str, float] = {}

    def reported(self, node: str) -> None:
        """Count one report of `node`."""
        self._passes.labels(node).inc()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Return what the store says of itself now."""
        self._look()
        stats = self._store.stats()._asdict()
        for name, text in _GAUGES.items():
            yield GaugeMetricFamily(f"pull_{name}", text, value=stats[name])

    def _look(self) -> None:
        """Take what happened since the last scrape into the histogram."""
        page = self._store.events(self._looked)
        self._looked = page.revision
        for event in page.events:
            if event.kind == WANTED:
                self._wanted.setdefault(event.subject, event.monotonic_s)
            elif event.kind == UNWANTED:
                self._wanted.pop(event.subject, None)
            elif event.kind == RUNNING and event.subject in self._wanted:
                self._converged.observe(event.monotonic_s - self._wanted.pop(event.subject))
