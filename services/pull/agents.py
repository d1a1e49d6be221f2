"""What agents ask for and say, the same in both realms."""

from bottle import Bottle, HTTPResponse, request

from services.core import wire, wire_nodes
from services.core.names import check_label
from services.pull import conditions
from services.pull.leaving import await_elsewhere
from services.pull.meters import Meters
from services.pull.watching import Watches
from services.store import Store
from services.store.versions import of_node
from services.web import REPORT_LIMIT_BYTES, note, read_json


def add_agent_routes(app: Bottle, store: Store, meters: Meters) -> None:
    """Add heartbeat and goodbye. Who may say them is the realm's business."""

    @app.post("/api/nodes/<node>/heartbeat")  # type: ignore[untyped-decorator]
    def heartbeat(node: str) -> wire.Json:
        """A sign of life, with a report of what runs there if the agent sends one."""
        note(node=check_label(node, "node"))
        if _has_body():
            report = wire.load_report(read_json(REPORT_LIMIT_BYTES))
            store.beat(node, report.running, report.boot, report.revision)
            meters.reported(node)
        else:
            store.beat(node, None)
        return wire.dump_beat(store.assignment(node))

    @app.post("/api/nodes/<node>/leaving")  # type: ignore[untyped-decorator]
    def leave(node: str) -> wire.Json:
        """The node shuts down. ?wait=: answered once its containers run elsewhere."""
        note(node=check_label(node, "node"))
        wait_s = conditions.wait_s(request.query.get("wait"))
        boot = wire.load_boot(read_json()) if _has_body() else ""
        mine = store.assignment(node).containers
        store.leave(node, boot)
        return wire_nodes.dump_leaving(*await_elsewhere(store, meters.watches, node, mine, wait_s))


def assignment(store: Store, watches: Watches, node: str) -> HTTPResponse:
    """Answer the current request with what `node` must run."""
    return watches.answer(of_node(node), lambda: wire.dump_assignment(store.assignment(node)))


def _has_body() -> bool:
    # No body: -1 from curl, which then sends no length at all, and 0 from requests.
    return bool(request.content_length > 0)
