"""What Prometheus may read of the state server; it comes from the store at each scrape."""

from collections.abc import Iterator
from typing import NamedTuple

from prometheus_client import Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from services.core.model import Event
from services.pull.watching import Watches
from services.state import State
from services.state.answers import PLACED, RUNNING, UNPLACED, UNWANTED, WANTED
from services.web.metrics import Metrics

_BUCKETS_S = (0.1, 0.25, 0.5, 1, 2, 3, 5, 8, 12, 20, 30, 60, 120)
# By their names in State.stats.
_GAUGES = {
    "containers": "pull_containers_desired Containers that are wanted.",
    "placed": "pull_containers_placed Wanted containers that are on a node.",
    "running": "pull_containers_running Placed containers that their node reports ready.",
    "events": "pull_events Events that can still be read.",
    "revision": "pull_revision Revision of the last change.",
    "file_bytes": "pull_file_bytes Size of the newest file.",
    "last_batch": "pull_batch_changes Changes that the last write made durable together.",
    "largest_batch": "pull_largest_batch_changes Most changes that one write made durable.",
}
_COUNTERS = {
    "generations": "pull_generations Files begun since the start.",
    "commits": "pull_commits Writes to disk, each of which made one change or more durable.",
    "changes": "pull_changes Durable changes since the start.",
}


class _Open(NamedTuple):
    """A container that must run and does not yet, since when (monotonic), and where (or "")."""

    since_s: float
    node: str


class PullMetrics(Collector):
    """The metrics of one state server, for both of its realms.

    watches: the requests of both that wait, which are counted there. addresses: node -> where its
    last sign of life came from. deaths: node -> when it gave the last one before it was found dead.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self.watches = Watches(state)
        self.addresses: dict[str, str] = {}
        self.deaths: dict[str, float] = {}
        self.metrics = Metrics("pull")
        registry = self.metrics.registry
        self._passes = Counter(
            "pull_reconcile_passes_total", "Reports of agents, one or more a pass.",
            ["node"], registry=registry,
        )  # fmt: skip
        self._converge = Histogram(
            "pull_converge_seconds",
            "From a container being wanted, or placed again, to its node reporting it ready.",
            buckets=_BUCKETS_S, registry=registry,
        )  # fmt: skip
        # Events up to here are in the histogram.
        self._looked = state.events(0).revision
        self._open: dict[str, _Open] = {}
        registry.register(self)

    def reported(self, node: str) -> None:
        """Count one report of `node`."""
        self._passes.labels(node).inc()

    def collect(self) -> Iterator[Metric]:
        """Return what the state says of itself now."""
        stats = self._state.stats()
        numbers = {**stats._asdict(), **stats.of_keys}
        for field, described in _GAUGES.items():
            name, _, text = described.partition(" ")
            if field in numbers:
                yield GaugeMetricFamily(name, text, value=numbers[field])
        for field, described in _COUNTERS.items():
            name, _, text = described.partition(" ")
            if field in numbers:
                yield CounterMetricFamily(name, text, value=numbers[field])
        unassigned = stats.containers - stats.placed
        yield GaugeMetricFamily("pull_containers_unassigned", "On no node.", value=unassigned)
        nodes = GaugeMetricFamily(
            "pull_nodes", "Nodes that spoke since the start.", labels=["status"]
        )
        nodes.add_metric(["up"], stats.nodes_up)
        nodes.add_metric(["down"], stats.nodes_down)
        yield nodes
        watchers = GaugeMetricFamily(
            "pull_watchers", "Requests that wait until something changes.", labels=["topic"]
        )
        for kind, count in self.watches.waiting.items():
            watchers.add_metric([kind], count)
        yield watchers

    def look(self) -> None:
        """Take what happened since the last look into the histogram.

        Events are compacted, so this must be called now and then, also when nothing scrapes.
        """
        # Before the events: what runs by now has its event among them, if it gets one.
        running = self._state.listing().running
        page = self._state.events(self._looked)
        # Another look may have come first, while this one waited for the state.
        events = [event for event in page.events if event.revision > self._looked]
        self._looked = max(self._looked, page.revision)
        for event in events:
            self._take(event)
        # What a new node runs already has no event, and the time is unknown.
        for name in [n for n, it in self._open.items() if running.get(n) == it.node]:
            del self._open[name]

    def _take(self, event: Event) -> None:
        name, node = event.subject, event.node
        opened = self._open.get(name)
        if event.kind in (WANTED, PLACED, UNPLACED):
            since_s = opened.since_s if opened else event.monotonic_s
            self._open[name] = _Open(since_s, "" if event.kind == UNPLACED else node)
        elif event.kind == UNWANTED:
            self._open.pop(name, None)
        elif event.kind == RUNNING and opened and opened.node == node:
            self._converge.observe(event.monotonic_s - opened.since_s)
            del self._open[name]
