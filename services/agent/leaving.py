"""The goodbye of a node that shuts down: its containers run elsewhere before they stop here."""

from collections.abc import Callable, Sequence

from services.agent.client import NodeClient
from services.core import wire_nodes
from services.core.errors import ApiUnreachable, LabError
from services.lib.http_client import Pending, wait

ATTEMPTS = 2


def leave(client: NodeClient, say: Callable[[str], None], *, wait_s: float, reach_s: float) -> None:
    """Say goodbye; return when all that this node had runs elsewhere, at the latest after wait_s.

    reach_s: how long one attempt may take to reach the server; a server that does not answer the
    goodbye is not waited for, since it counts with the lease of a node that has an agent
    (services/core/lease.py). Never raises: the shutdown goes on in any case.
    """
    try:
        elsewhere, waiting = _ask(client, (), 0.0, reach_s)
        if waiting:
            had = {*elsewhere, *waiting}
            # By now they may have been taken off this node, so it names them.
            _, waiting = _ask(client, waiting, wait_s, reach_s)
            elsewhere = tuple(sorted(had.difference(waiting)))
        say(_narrate(elsewhere, waiting, wait_s))
    except LabError as error:
        say(f"leaving without waiting: {error}")


def _ask(
    client: NodeClient, names: Sequence[str], wait_s: float, reach_s: float
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what runs elsewhere, and what is waited for, of `names` and what is assigned here."""
    body = client.answer(lambda: _reach(client, names, wait_s, reach_s)).body
    return wire_nodes.load_leaving(body)


def _reach(client: NodeClient, names: Sequence[str], wait_s: float, reach_s: float) -> Pending:
    """Return the goodbye on its way, once it has left this node. Raises ApiUnreachable."""
    for _ in range(ATTEMPTS):
        pending = client.leaving(names, wait_s)
        wait([pending], reach_s)
        if pending.sent:
            return pending
        pending.close()
    raise ApiUnreachable(pending.url, pending.trouble or f"not reached within {reach_s:g} s")


def _narrate(elsewhere: Sequence[str], waiting: Sequence[str], wait_s: float) -> str:
    parts = [f"{', '.join(elsewhere)} run elsewhere"] if elsewhere else []
    parts += [f"gave up waiting for {', '.join(waiting)} after {wait_s:g} s"] if waiting else []
    return f"leaving: {'; '.join(parts) or 'nothing to wait for'}"
