"""HTTP face of push: parses, calls, answers. It decides nothing."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bottle import Bottle, HTTPResponse

from services.core import wire, wire_push
from services.core.errors import CommandFailed, LabError, NodeUnreachable, UnknownNode
from services.push.errors import (
    LoginRefused,
    NodeBusy,
    NodeDistrusted,
    NotRunning,
    OrderUnderWay,
    RunsTwice,
    TooManyOrders,
    WhereaboutsUnknown,
)
from services.push.push import STARTED, Outcome, Push, answers, unreachable
from services.web import add_document, add_metrics, add_ready, make_bottle, note, read_json
from services.web.metrics import Metrics

_log = logging.getLogger(__name__)

STATUS: dict[type[LabError], int] = {
    UnknownNode: 404,
    NotRunning: 404,
    RunsTwice: 409,
    # A node failed, not this server.
    NodeUnreachable: 502,
    NodeDistrusted: 502,
    LoginRefused: 502,
    CommandFailed: 502,
    WhereaboutsUnknown: 502,
    # Temporary: try again.
    NodeBusy: 503,
    OrderUnderWay: 503,
    TooManyOrders: 503,
}
# Orders and questions wait for nodes, each in a thread of the server. There are threads for both
# and some more, so that neither kind can lock out the other, nor /healthz.
ORDERS_AT_ONCE = 64
LOOKS_AT_ONCE = 64
THREADS = ORDERS_AT_ONCE + LOOKS_AT_ONCE + 8
# How long an order waits for another one for the same container: a client that repeats a slow
# order again and again must not use up the threads of all others.
SAME_NAME_S = 30.0

DOCUMENT = Path(__file__).with_name("openapi.json")
_HINT = "routes: POST /container/start and /container/stop, GET /containers, /nodes, /openapi.json"


def make_app(
    push: Push,
    *,
    metrics: Metrics | None = None,
    check: Callable[[], None] = lambda: None,
) -> Bottle:
    """Build the API over `push`. Serve it with THREADS threads.

    /healthz, /readyz and /metrics speak of this process alone, and ask no node. check: raises a
    LabError while the process cannot do its work.
    """
    metrics = metrics or Metrics("push")
    app = make_bottle(STATUS, hint=_HINT, metrics=metrics)
    add_metrics(app, metrics)
    add_ready(app, check)
    add_document(app, DOCUMENT)
    orders, looks, names = Slots(ORDERS_AT_ONCE), Slots(LOOKS_AT_ONCE), NameLocks()

    @app.post("/container/start")  # type: ignore[untyped-decorator]
    def start() -> HTTPResponse:
        """201 once it serves, 200 if a node ran it already, 502 naming a node that failed."""
        container, node = wire.load_container(read_json())
        note(container=container.name, **({"node": node} if node else {}))
        with orders.take(), names.lock(container.name):
            outcome = narrated("start", container.name, lambda: push.start(container, node))
        note(node=outcome.node)
        return HTTPResponse(
            wire_push.dump_started(*outcome), 201 if outcome.status == STARTED else 200
        )

    @app.post("/container/stop")  # type: ignore[untyped-decorator]
    def stop() -> wire.Json:
        """200 once it is gone, 404 if it did not run."""
        container, node = wire.load_container(read_json())
        note(container=container.name, **({"node": node} if node else {}))
        with orders.take(), names.lock(container.name):
            outcome = narrated("stop", container.name, lambda: push.stop(container.name, node))
        note(node=outcome.node)
        return wire_push.dump_started(*outcome)

    @app.get("/containers")  # type: ignore[untyped-decorator]
    def containers() -> wire.Json:
        """What serves, read live from the nodes that answer; the others are unreachable."""
        with looks.take():
            sight = push.look()
        found = answers(sight).items()
        pairs = ((name, node) for node, listing in found for name in listing.running)
        return wire_push.dump_running(pairs, tuple(unreachable(sight)))

    @app.get("/nodes")  # type: ignore[untyped-decorator]
    def nodes() -> wire.Json:
        """Which nodes answer right now, and why the others do not."""
        with looks.take():
            sight = push.look()
        running = {node: listing.running for node, listing in answers(sight).items()}
        return wire_push.dump_reached(running, unreachable(sight))

    return app


def narrated(order: str, name: str, carry_out: Callable[[], Outcome]) -> Outcome:
    """Carry out `order` for container `name`, and log what became of it, in a line.

    It is all that is left of an order: push itself keeps no list.
    """
    try:
        outcome = carry_out()
    except LabError as error:
        _log.info("%s %s: %s", order, name, error)
        raise
    _log.info("%s %s: %s on %s", order, name, outcome.status, outcome.node)
    return outcome


class Slots:
    """As many requests of one kind at once as there are threads for them."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._free = threading.BoundedSemaphore(limit)

    @contextmanager
    def take(self) -> Iterator[None]:
        """Take a slot for the length of the block; raises TooManyOrders if none is free."""
        if not self._free.acquire(blocking=False):
            raise TooManyOrders(self._limit)
        try:
            yield
        finally:
            self._free.release()


class NameLocks:
    """A lock for each container name that an order is about right now.

    Two orders for one name at once would otherwise both find it on no node, and start it twice.
    """

    def __init__(self) -> None:
        self._locked: set[str] = set()
        self._changed = threading.Condition()

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Wait until `name` is free, and lock it for the length of the block.

        Raises OrderUnderWay if it is not free within SAME_NAME_S.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: name not in self._locked, SAME_NAME_S):
                raise OrderUnderWay(name, SAME_NAME_S)
            self._locked.add(name)
        try:
            yield
        finally:
            with self._changed:
                self._locked.remove(name)
                self._changed.notify_all()
