"""Numbers for Prometheus: what both APIs count of HTTP, in a registry that each API owns.

`import prometheus_client` costs 34 ms alone on a laptop core, 12 ms beside bottle and 9 ms beside
gevent, which need most of the same modules; its package imports all of itself (an HTTP server
among it), so there is no smaller part to take. Paid once a server, never by agents or containers.
"""

import platform

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from services.lib.version import VERSION

# A series more for each counter, to say when it was created: the process says when it started.
disable_created_metrics()  # type: ignore[no-untyped-call]

# From an answer out of memory to a long poll of a minute.
_SECONDS = (0.001, 0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """The registry of one API. Add metrics of its own with `registry=metrics.registry`.

    Never prometheus_client's global one: tests start many APIs in one process.
    """

    content_type = CONTENT_TYPE_PLAIN_0_0_4

    def __init__(self, api: str) -> None:
        """api: push or pull."""
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "lab_http_requests_total", "Requests answered, by the rule of their route.",
            ["method", "route", "status"], registry=self.registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "lab_http_request_seconds", "Until the answer was ready, long polls included.",
            ["method", "route"], buckets=_SECONDS, registry=self.registry,
        )  # fmt: skip
        build = Gauge(
            "lab_build_info", "1; its labels tell what runs.",
            ["api", "version", "python"], registry=self.registry,
        )  # fmt: skip
        build.labels(api, VERSION, platform.python_version()).set(1)
        ProcessCollector(registry=self.registry)

    def count(self, method: str, route: str, status: int, spent_s: float | None) -> None:
        """Count one answer. route: its rule, or "" where none matched: paths have no end.

        spent_s: None if no app saw the request.
        """
        method = method if method in _METHODS else "other"
        route = route or "unmatched"
        self._requests.labels(method, route, str(status)).inc()
        if spent_s is not None:
            self._seconds.labels(method, route).observe(spent_s)

    def expose(self) -> bytes:
        """Return all of it in Prometheus' text format; reads nothing but /proc/self."""
        return generate_latest(self.registry)
