"""The goodbye of a node that shuts down: its containers run elsewhere before they stop here."""

from collections.abc import Callable, Sequence

from services.agent.line import Line
from services.core import wire_nodes
from services.core.errors import ApiUnreachable, LabError
from services.lib.http_client import Pending, wait

ATTEMPTS = 2


def leave(line: Line, say: Callable[[str], None], *, wait_s: float, reach_s: float) -> None:
    """Say goodbye; return when all that this node had runs elsewhere, at the latest after wait_s.

    reach_s: how long one attempt may take to reach a server; nobody who cannot be reached is
    waited for. Nothing is raised: a shutdown goes on in any case.
    """
    try:
        # One held request: by the time of a second one the server may know of nothing here.
        body = line.answer(lambda: _reach(line, wait_s, reach_s)).body
        say(_told(*wire_nodes.load_leaving(body), wait_s))
    except LabError as error:
        say(f"leaving without waiting: {error}")


def _reach(line: Line, wait_s: float, reach_s: float) -> Pending:
    """Return the goodbye on its way, once it has left this node. Raises ApiUnreachable."""
    for _ in range(ATTEMPTS):
        pending = line.leaving(wait_s)
        wait([pending], reach_s)
        if pending.sent:
            return pending
        pending.close()
    raise ApiUnreachable(pending.url, pending.trouble or f"not reached within {reach_s:g} s")


def _told(elsewhere: Sequence[str], waiting: Sequence[str], wait_s: float) -> str:
    told = [f"{', '.join(elsewhere)} run elsewhere"] if elsewhere else []
    told += [f"gave up waiting for {', '.join(waiting)} after {wait_s:g} s"] if waiting else []
    return f"leaving: {'; '.join(told) or 'nothing to wait for'}"
