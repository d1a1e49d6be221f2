"""HTTP face of push: parses, calls, answers. It decides nothing."""

from collections.abc import Callable

from bottle import Bottle, HTTPResponse

from services.core import wire
from services.core.errors import CommandFailed, LabError, NodeUnreachable, UnknownNode
from services.push.errors import (
    LoginRefused,
    NodeBusy,
    NodeDistrusted,
    NotRunning,
    RunsTwice,
    TooManyOrders,
    WhereaboutsUnknown,
)
from services.push.holds import Slots
from services.push.openapi import DOCUMENT
from services.push.push import STARTED, Push, answers, unreachable
from services.web import add_document, add_metrics, add_ready, make_bottle, note, read_json
from services.web.log import Log
from services.web.metrics import Metrics

STATUS: dict[type[LabError], int] = {
    UnknownNode: 404,
    NotRunning: 404,
    RunsTwice: 409,
    # The fault is behind us, at a node.
    NodeUnreachable: 502,
    NodeDistrusted: 502,
    LoginRefused: 502,
    CommandFailed: 502,
    WhereaboutsUnknown: 502,
    # Nothing is wrong but the moment.
    NodeBusy: 503,
    TooManyOrders: 503,
}
# Handlers wait for nodes and for SSH far more than they compute.
THREADS = 32
# Each waits in one of these threads; the others are for GET.
ORDERS_AT_ONCE = THREADS - 8


_HINT = "routes: POST /container/start and /container/stop, GET /containers, /nodes, /openapi.json"


def make_app(
    push: Push,
    *,
    log: Log | None = None,
    metrics: Metrics | None = None,
    check: Callable[[], None] = lambda: None,
) -> Bottle:
    """Build the API over `push`.

    /healthz, /readyz and /metrics speak of this process alone, and ask no node. check: raises a
    LabError while the process cannot do its work.
    """
    metrics = metrics or Metrics("push")
    app = make_bottle(STATUS, hint=_HINT, log=log, metrics=metrics)
    add_metrics(app, metrics)
    add_ready(app, check)
    add_document(app, DOCUMENT)
    orders = Slots(ORDERS_AT_ONCE)

    @app.post("/container/start")  # type: ignore[untyped-decorator]
    def start() -> HTTPResponse:
        """201 once it serves, 200 if a node ran it already, 502 naming a node that failed."""
        container, node = wire.load_container(read_json())
        note(container=container.name, **({"node": node} if node else {}))
        with orders.take():
            outcome = push.start(container, node)
        note(node=outcome.node)
        return HTTPResponse(wire.dump_started(*outcome), 201 if outcome.status == STARTED else 200)

    @app.post("/container/stop")  # type: ignore[untyped-decorator]
    def stop() -> wire.Json:
        """200 once it is gone, 404 if it did not run."""
        container, node = wire.load_container(read_json())
        note(container=container.name, **({"node": node} if node else {}))
        with orders.take():
            outcome = push.stop(container.name, node)
        note(node=outcome.node)
        return wire.dump_started(*outcome)

    @app.get("/containers")  # type: ignore[untyped-decorator]
    def containers() -> wire.Json:
        """Read live from the nodes that answer; the others are listed as unreachable."""
        sight = push.look()
        pairs = ((name, node) for node, names in answers(sight).items() for name in names)
        return wire.dump_running(pairs, tuple(unreachable(sight)))

    @app.get("/nodes")  # type: ignore[untyped-decorator]
    def nodes() -> wire.Json:
        """Which nodes answer right now, and why the others do not."""
        sight = push.look()
        return wire.dump_reached(answers(sight), unreachable(sight))

    return app
