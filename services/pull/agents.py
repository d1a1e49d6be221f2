"""What agents ask for and report, the same in both realms."""

import time
from collections.abc import Sequence
from contextlib import suppress

from bottle import Bottle, HTTPResponse, request

from services.core import wire, wire_nodes
from services.core.errors import UnknownContainer, UnknownNode
from services.core.model import STOP, Container
from services.core.names import check_label
from services.pull import conditions
from services.pull.meters import PullMetrics
from services.pull.watching import Watches
from services.state import State
from services.state.topics import CONTAINERS, of_node
from services.web import REPORT_LIMIT_BYTES, note, read_json


def add_agent_routes(app: Bottle, state: State, meters: PullMetrics) -> None:
    """Add heartbeat and goodbye. The realm decides who may send them."""

    @app.post("/api/nodes/<node>/heartbeat")  # type: ignore[untyped-decorator]
    def heartbeat(node: str) -> wire.Json:
        """A sign of life, with a report of what runs there if the agent sends one."""
        note(node=check_label(node, "node"))
        if _has_body():
            report = wire.load_report(read_json(REPORT_LIMIT_BYTES))
            state.beat(
                node, report.running, report.boot, report.revision, report.epoch, report.uptime_s
            )
            meters.reported(node)
        else:
            state.beat(node, None)
        note_address(meters, node)
        return wire.dump_beat(state.assignment(node))

    @app.post("/api/nodes/<node>/leaving")  # type: ignore[untyped-decorator]
    def leave(node: str) -> wire.Json:
        """The node shuts down. ?wait=: answered once its containers run elsewhere."""
        note(node=check_label(node, "node"))
        wait_s = conditions.wait_s(request.query.get("wait"))
        body = read_json() if _has_body() else {}
        boot, names = wire.load_boot(body), wire_nodes.load_waiting(body)
        mine = {one.name: one for one in state.assignment(node).containers}
        for name in names:
            with suppress(UnknownContainer):
                mine[name] = state.container(name).container
        state.leave(node, boot, wire.load_uptime_s(body))
        note_address(meters, node)
        return wire_nodes.dump_leaving(
            *_await_elsewhere(state, meters.watches, node, [*mine.values()], wait_s)
        )


def assignment(state: State, watches: Watches, node: str) -> HTTPResponse:
    """Answer the current request with what `node` must run."""
    return watches.answer(of_node(node), lambda: wire.dump_assignment(state.assignment(node)))


def asking_boot() -> str | None:
    """Return ?boot= of the current request; None without it. Raises BadShape."""
    boot = request.query.get("boot")
    return None if boot is None else wire.load_boot({"boot": boot})


def note_address(meters: PullMetrics, node: str) -> None:
    """Remember where the current request of `node`, which the state knows, came from."""
    meters.addresses[node] = str(request.environ["REMOTE_ADDR"])


def _has_body() -> bool:
    # No body: -1 from curl, which then sends no length at all, and 0 from requests.
    return bool(request.content_length > 0)


def _await_elsewhere(
    state: State, watches: Watches, node: str, mine: Sequence[Container], wait_s: float
) -> tuple[list[str], list[str]]:
    """Return which of `mine` run on another node than `node`, and which are waited for.

    Returns once none is waited for, or after wait_s seconds. One that must never run twice is not
    waited for while it runs on `node`: it moves only when it has ended there.
    """
    end_s = time.monotonic() + wait_s
    while True:
        version = state.version(CONTAINERS)
        elsewhere = [one.name for one in mine if state.running_on(one.name) not in (None, node)]
        others = (one for one in mine if one.name not in elsewhere)
        waiting = [one.name for one in others if _is_awaited(state, node, one)]
        left_s = end_s - time.monotonic()
        if not waiting or left_s <= 0:
            return elsewhere, waiting
        if watches.await_change(CONTAINERS, version, left_s) == version:
            return elsewhere, waiting


def _is_awaited(state: State, node: str, container: Container) -> bool:
    try:
        state.container(container.name)
        runs_here = container.name in state.node(node)[1].running
    except (UnknownContainer, UnknownNode):
        return False
    return not (container.on_disconnect == STOP and runs_here)
