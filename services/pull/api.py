"""HTTP face of the state server: parses, calls one method of the state, and answers.

Admin realm, on loopback: everything, as the seed's curl lines do it. What nodes may do on the
lab's network is in node_api.py.
"""

from pathlib import Path
from typing import Any

from bottle import Bottle, HTTPResponse, request

from services.core import wire, wire_nodes
from services.core.errors import LabError, UnknownContainer, UnknownNode
from services.core.model import Health, Node, Placed
from services.core.names import check_label
from services.pull import conditions
from services.pull.agents import add_agent_routes, asking_boot, assignment
from services.pull.conditions import BadCondition
from services.pull.listing import Encoded
from services.pull.meters import PullMetrics
from services.pull.watching import Watches, answer, mark_stale
from services.state import Forgotten, LimitReached, RevisionConflict, State, Unavailable
from services.state.answers import Beat, TwoMachines
from services.state.topics import CONTAINERS, NODES, UNASSIGNED
from services.web import add_document, add_metrics, add_ready, make_bottle, note, read_json, sent

# Silences are sent in milliseconds.
_ROUNDED_S = 0.001


class SpokeMeanwhile(LabError):
    """A node that was found dead has given a sign of life since it was looked at."""

    def __init__(self, node: str, silent_s: float, found_s: float) -> None:
        super().__init__(
            f"node {node!r} is silent for {silent_s:.3f} s, and was found silent for {found_s:g} s",
            hint="it spoke meanwhile; GET /api/nodes shows how it is",
        )


STATUS: dict[type[LabError], int] = {
    BadCondition: 400,
    UnknownContainer: 404,
    UnknownNode: 404,
    Forgotten: 409,
    LimitReached: 409,
    TwoMachines: 409,
    RevisionConflict: 412,
    SpokeMeanwhile: 412,
    Unavailable: 503,
}
DOCUMENT = Path(__file__).with_name("openapi.json")
_HINT = (
    "routes: /api/containers, /api/containers/NAME, /api/nodes, /api/nodes/NODE, "
    "/api/nodes/NODE/desired, /api/events; GET /openapi.json describes them"
)


def make_admin_app(state: State, *, meters: PullMetrics | None = None) -> Bottle:
    """Return the app of the admin realm over `state`."""
    meters = meters or PullMetrics(state)
    watches = meters.watches
    app = make_bottle(STATUS, hint=_HINT, metrics=meters.metrics)
    mark_stale(app, state)
    add_metrics(app, meters.metrics)
    add_ready(app, lambda: _check(state))
    add_document(app, DOCUMENT)
    _add_containers(app, state, watches)
    _add_nodes(app, state, meters)
    add_agent_routes(app, state, meters)

    @app.get("/api/nodes/<node>/desired")  # type: ignore[untyped-decorator]
    def desired(node: str) -> HTTPResponse:
        """What `node` must run. Asking here is no sign of its life."""
        asking_boot()
        return assignment(state, watches, check_label(node, "node"))

    @app.get("/api/events")  # type: ignore[untyped-decorator]
    def list_events() -> wire.Json:
        """What happened since a revision; ?wait= delays the answer until something does."""
        return wire_nodes.dump_events(watches.events())

    return app


def _add_containers(app: Bottle, state: State, watches: Watches) -> None:
    encoded = Encoded()

    def everything() -> bytes:
        return encoded.text(state.listing())

    def changed(placed: Placed | None, status: int = 200) -> HTTPResponse:
        """The whole list, as the seed's clients expect it, or what changed alone."""
        tag = f'"{placed.revision}"' if placed else ""
        if not conditions.minimal(sent("Prefer") or ""):
            return answer(everything(), tag, status)
        if placed is None:
            body: wire.Json = {"container": None, "revision": state.version(CONTAINERS)}
        else:
            body = wire.dump_changed(placed, _running(state, placed), placed.revision)
        response = answer(body, tag, status)
        response.set_header("Preference-Applied", "return=minimal")
        return response

    @app.get("/api/containers")  # type: ignore[untyped-decorator]
    def list_containers() -> HTTPResponse:
        """Everything that is declared; ?node=NODE: what that node must run."""
        node = request.query.get("node")
        unassigned = conditions.flag("unassigned", request.query.get("unassigned"))
        if node is not None:
            return assignment(state, watches, check_label(node, "node"))
        if unassigned:
            return watches.answer(UNASSIGNED, lambda: _listed(state))
        return watches.answer(CONTAINERS, everything)

    @app.post("/api/containers")  # type: ignore[untyped-decorator]
    def declare() -> HTTPResponse:
        """Want a container. One that exists stays as it is; the answer is the same."""
        container, node = wire.load_container(read_json())
        note(container=container.name)
        return changed(state.declare(container, node), 201)

    @app.get("/api/containers/<name>")  # type: ignore[untyped-decorator]
    def show(name: str) -> HTTPResponse:
        """One container, with its revision as ETag."""
        placed = state.container(check_label(name, "container"))
        return answer(wire.dump_one(placed, _running(state, placed)), f'"{placed.revision}"')

    @app.put("/api/containers/<name>")  # type: ignore[untyped-decorator]
    def put(name: str) -> HTTPResponse:
        """Declare a container, or change it; its node stays the same."""
        note(container=check_label(name, "container"))
        container = wire.load_wanted(name, read_json())
        placed, created = state.put(container, expect=_expected(creates=True))
        return changed(placed, 201 if created else 200)

    @app.patch("/api/containers/<name>")  # type: ignore[untyped-decorator]
    def place(name: str) -> HTTPResponse:
        """Place a container on a node, or on none."""
        note(container=check_label(name, "container"))
        patch = wire.load_patch(read_json())
        return changed(state.place(name, patch.node, patch.reason, expect=_expected()))

    @app.delete("/api/containers/<name>")  # type: ignore[untyped-decorator]
    def remove(name: str) -> HTTPResponse:
        """Delete a container; a success, too, if there is none of this name."""
        note(container=check_label(name, "container"))
        state.remove(name, expect=_expected())
        return changed(None)


def _add_nodes(app: Bottle, state: State, meters: PullMetrics) -> None:
    def described(node: Node, beat: Beat) -> wire.Json:
        node = node._replace(address=meters.addresses.get(node.name, ""))
        if meters.deaths.get(node.name) == beat.at_s:
            node = node._replace(health=Health.DOWN)
        return wire_nodes.dump_node(node, beat.wall, sorted(beat.running))

    def all_nodes() -> wire.Json:
        roll = state.nodes()
        documents = [described(node, beat) for node, beat in roll.heard]
        return wire_nodes.dump_nodes(
            documents,
            roll.uptime_s,
            state.lease_s,
            roll.awaited,
            state.terms.stop_margin_s,
            roll.left,
            roll.unheard,
            roll.hold_s,
        )

    def one(name: str) -> HTTPResponse:
        node, beat = state.node(check_label(name, "node"))
        document = described(node, beat)
        document["containers"] = [item.name for item in state.assignment(name).containers]
        return answer(document, f'"{node.revision}"')

    @app.get("/api/nodes")  # type: ignore[untyped-decorator]
    def list_nodes() -> HTTPResponse:
        """Every node heard since the server started, and the names of nodes heard only before."""
        return meters.watches.answer(NODES, all_nodes)

    @app.get("/api/nodes/<node>")  # type: ignore[untyped-decorator]
    def show_node(node: str) -> HTTPResponse:
        """One node, and what is placed there."""
        return one(node)

    @app.post("/api/nodes/<node>/down")  # type: ignore[untyped-decorator]
    def declare_down(node: str) -> HTTPResponse:
        """The node controller found the machine dead: the node is down until it speaks again."""
        note(node=check_label(node, "node"))
        silent_s = wire_nodes.load_silence(read_json())
        found, beat = state.node(node)
        if found.silent_s + _ROUNDED_S < silent_s:
            raise SpokeMeanwhile(node, found.silent_s, silent_s)
        meters.deaths[node] = beat.at_s
        return one(node)

    @app.delete("/api/nodes/<node>")  # type: ignore[untyped-decorator]
    def forget(node: str) -> wire.Json:
        """A person says that the node is dead: what it had may run elsewhere."""
        note(node=check_label(node, "node"))
        state.forget(node)
        return {"status": "forgotten", "node": node}

    @app.patch("/api/nodes/<node>")  # type: ignore[untyped-decorator]
    def mark(node: str) -> HTTPResponse:
        """Cordon a node, drain it, or let it take containers again."""
        note(node=check_label(node, "node"))
        marks = wire_nodes.load_marks(read_json())
        state.mark(node, cordoned=marks.cordoned, draining=marks.draining, expect=_expected())
        return one(node)


def _expected(*, creates: bool = False) -> Any:
    none_match = sent("If-None-Match") if creates else None
    return conditions.expected(sent("If-Match"), none_match)


def _running(state: State, placed: Placed) -> dict[str, str]:
    node = state.running_on(placed.name)
    return {} if node is None else {placed.name: node}


def _listed(state: State) -> wire.Json:
    listing = state.unassigned()
    return wire.dump_placed(listing.placed, listing.running, listing.revision)


def _check(state: State) -> None:
    trouble = state.trouble()
    if trouble:
        raise LabError(
            f"the last change could not be written: {trouble}",
            hint="check the folder of the state (df -h /var/lib/lab-pull), or its etcd (etcdctl "
            "endpoint status, etcdctl alarm list)",
        )
