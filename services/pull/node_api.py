"""The realm of nodes, on the lab's network: each says that it lives and reads what it must run.

Every request carries the token of the node in its path. Nothing else is served here.
"""

from typing import Any

from bottle import Bottle, HTTPResponse, request

from services.core.errors import LabError
from services.core.names import check_label, is_label
from services.pull.agents import add_agent_routes, asking_boot, assignment, note_address
from services.pull.api import STATUS
from services.pull.meters import PullMetrics
from services.pull.tokens import NoToken, NotYours, Tokens
from services.pull.watching import mark_stale
from services.state import State
from services.web import make_bottle, refusal, sent

_HINT = (
    "a node may GET /api/nodes/NODE/desired and POST /api/nodes/NODE/heartbeat or leaving, NODE "
    "being itself; the rest is served on the API machine's loopback"
)
_STATUS: dict[type[LabError], int] = {**STATUS, NoToken: 401, NotYours: 403}


def make_node_app(state: State, tokens: Tokens, *, meters: PullMetrics | None = None) -> Bottle:
    """Return the app of the node realm over `state`: what an agent needs."""
    meters = meters or PullMetrics(state)
    # Without a token a client learns nothing, not even that the server is well.
    app = make_bottle(_STATUS, hint=_HINT, metrics=meters.metrics, healthz=False)
    app.install(_Gate(tokens))
    mark_stale(app, state)

    add_agent_routes(app, state, meters)

    @app.get("/api/nodes/<node>/desired")  # type: ignore[untyped-decorator]
    def desired(node: str) -> HTTPResponse:
        """What the node must run; asking is a sign of life. ?boot=: as in a heartbeat."""
        state.alive(node, asking_boot())
        note_address(meters, node)
        return assignment(state, meters.watches, node)

    @app.get("/api/containers")  # type: ignore[untyped-decorator]
    def read_assignment() -> HTTPResponse:
        """The same, as the seed's agents ask for it: ?node=NODE."""
        node = request.query.get("node")
        return (
            nothing_else("api/containers")
            if node is None
            else assignment(state, meters.watches, node)
        )

    @app.route("/<path:re:.*>", method="ANY")  # type: ignore[untyped-decorator]
    def nothing_else(path: str) -> HTTPResponse:
        return refusal(403, f"{request.method} /{path[:80]} is not for nodes", _HINT)

    return app


class _Gate:
    """Bottle plugin: lets a request to its route only if the token is right."""

    name = "gate"
    api = 2

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def apply(self, callback: Any, _route: Any) -> Any:
        """Return `callback` behind the check of the token."""

        def guarded(*args: Any, **kwargs: Any) -> Any:
            offered = sent("Authorization") or ""
            node = kwargs.get("node", request.query.get("node"))
            try:
                if is_label(node):
                    self._tokens.check(offered, node)
                else:
                    # Without a token a client does not learn either that the name cannot be one.
                    self._tokens.known(offered)
                    if node is not None:
                        check_label(node, "node")
            except NoToken as error:
                return refusal(401, str(error), error.hint, WWW_Authenticate="Bearer")
            return callback(*args, **kwargs)

        return guarded
