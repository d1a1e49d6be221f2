"""The goodbye of a node that shuts down: its containers run elsewhere before they stop here."""

from collections.abc import Callable, Sequence

from services.agent.client import NodeClient
from services.core import wire_nodes
from services.core.errors import ApiUnreachable, LabError
from services.lib.http_client import Pending, wait

ATTEMPTS = 2


def leave(client: NodeClient, say: Callable[[str], None], *, wait_s: float, reach_s: float) -> None:
    """Say goodbye; return when all that this node had runs elsewhere, at the latest after wait_s.

    reach_s: how long one attempt may take to reach the server; an unreachable server is not waited
    for. Never raises: the shutdown goes on in any case.
    """
    try:
        # One request that the server answers late. A second one might meet a server that has
        # moved everything already, and so knows of nothing here.
        body = client.answer(lambda: _reach(client, wait_s, reach_s)).body
        say(_narrate(*wire_nodes.load_leaving(body), wait_s))
    except LabError as error:
        say(f"leaving without waiting: {error}")


def _reach(client: NodeClient, wait_s: float, reach_s: float) -> Pending:
    """Return the goodbye on its way, once it has left this node. Raises ApiUnreachable."""
    for _ in range(ATTEMPTS):
        pending = client.leaving(wait_s)
        wait([pending], reach_s)
        if pending.sent:
            return pending
        pending.close()
    raise ApiUnreachable(pending.url, pending.trouble or f"not reached within {reach_s:g} s")


def _narrate(elsewhere: Sequence[str], waiting: Sequence[str], wait_s: float) -> str:
    parts = [f"{', '.join(elsewhere)} run elsewhere"] if elsewhere else []
    parts += [f"gave up waiting for {', '.join(waiting)} after {wait_s:g} s"] if waiting else []
    return f"leaving: {'; '.join(parts) or 'nothing to wait for'}"
