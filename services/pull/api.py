"""HTTP face of the state server: parses, calls one method of the store, and answers.

Two realms over one store. Admin (loopback) may do everything, as the seed's curl lines do.
Nodes (the lab's network) may say that they live and read what they must run, nothing else.
"""

from typing import Any

from bottle import Bottle, HTTPResponse, request

from services.core import wire, wire_nodes
from services.core.errors import UnknownContainer
from services.core.names import check_label
from services.durable import UnwritableFile
from services.store import PlacedMeanwhile, Store
from services.web import REPORT_LIMIT_BYTES, make_bottle, read_json

STATUS = {UnknownContainer: 404, PlacedMeanwhile: 409, UnwritableFile: 503}
_ADMIN_HINT = (
    "routes: GET and POST /api/containers, PATCH and DELETE /api/containers/NAME, "
    "GET /api/nodes, POST /api/nodes/NODE/heartbeat, GET /healthz"
)
_NODE_HINT = (
    "nodes may only GET /api/containers?node=NODE and POST /api/nodes/NODE/heartbeat; "
    "the rest is served on the API machine's loopback"
)


def make_admin_app(store: Store) -> Bottle:
    """Return the app of the admin realm over `store`: every route."""
    app = make_bottle(STATUS, hint=_ADMIN_HINT)
    _add_agent_routes(app, store)

    @app.get("/api/containers")  # type: ignore[untyped-decorator]
    def list_containers() -> wire.Json:
        """Everything that is declared; with ?node=NODE what that node must run."""
        node = request.query.get("node")
        return _everything(store) if node is None else _assignment(store, node)

    @app.post("/api/containers")  # type: ignore[untyped-decorator]
    def declare() -> HTTPResponse:
        """Want a container. One that exists stays as it is; the answer is the same."""
        store.declare(*wire.load_container(read_json()))
        return HTTPResponse(_everything(store), status=201)

    @app.patch("/api/containers/<name>")  # type: ignore[untyped-decorator]
    def place(name: str) -> wire.Json:
        """Put a container on a node, or on none."""
        patch = wire.load_patch(read_json())
        if patch.guarded:
            store.place_if(name, patch.node, patch.reason, if_node=patch.if_node)
        else:
            store.place(name, patch.node, patch.reason)
        return _everything(store)

    @app.delete("/api/containers/<name>")  # type: ignore[untyped-decorator]
    def remove(name: str) -> wire.Json:
        """Want a container no longer. Nobody did, or could: that is what was asked for, too."""
        store.remove(name)
        return _everything(store)

    @app.get("/api/nodes")  # type: ignore[untyped-decorator]
    def list_nodes() -> wire.Json:
        """Every node that spoke since the server started, and the names of who only did before."""
        nodes, awaited, uptime_s = store.nodes()
        documents = [
            wire_nodes.dump_node(node, beat.wall, sorted(beat.running)) for node, beat in nodes
        ]
        return wire_nodes.dump_nodes(documents, uptime_s, store.lease_s, awaited)

    return app


def make_node_app(store: Store) -> Bottle:
    """Return the app of the node realm over `store`: what an agent needs."""
    app = make_bottle(STATUS, hint=_NODE_HINT)
    _add_agent_routes(app, store)

    @app.get("/api/containers")  # type: ignore[untyped-decorator]
    def read_assignment() -> Any:
        """What ?node=NODE must run; who asks for everything is in the wrong realm."""
        node = request.query.get("node")
        if node is None:
            return HTTPResponse(wire.dump_error("not for nodes", _NODE_HINT), status=403)
        return _assignment(store, node)

    return app


def _add_agent_routes(app: Bottle, store: Store) -> None:
    @app.post("/api/nodes/<node>/heartbeat")  # type: ignore[untyped-decorator]
    def heartbeat(node: str) -> wire.Json:
        """A sign of life, with a report of what runs there if the agent sends one."""
        check_label(node, "node")
        # No body: -1 from curl, which then sends no length at all, and 0 from requests.
        if request.content_length > 0:
            store.beat(node, dict(wire.load_report(read_json(REPORT_LIMIT_BYTES)).running))
        else:
            store.beat(node, None)
        return wire.dump_beat(store.assignment(node))


def _everything(store: Store) -> wire.Json:
    return wire.dump_placed(*store.listing())


def _assignment(store: Store, node: str) -> wire.Json:
    return wire.dump_assignment(store.assignment(check_label(node, "node")))
