"""A sign of life as it arrives, and whether it comes from the machine that has the name."""

from collections.abc import Callable, Mapping
from math import inf
from typing import NamedTuple

from services.core.model import UnitState
from services.state.mirror import Mirror
from services.state.rows import Sign

Running = Mapping[str, UnitState] | None


class Said(NamedTuple):
    """What a sign of life says. running, boot: None if the request does not say.

    acted: revision of the assignment under which that runs, None if unknown. uptime_s: since that
    boot; infinite if the request does not say. The rest the server knows: silent_s: since the node
    spoke; stored_s: since its last sign that was stored, infinite if it was stored before the
    server started; gone_s: since the goodbye; known: whether the node spoke before that start.
    """

    running: Running = None
    boot: str | None = None
    acted: int | None = None
    uptime_s: float = inf
    silent_s: float = 0.0
    stored_s: float = inf
    gone_s: float = 0.0
    known: bool = False


def is_other(before: Sign | None, said: Said, unheard: Callable[[], object]) -> bool:
    """Whether another machine than the one that spoke last says this under the same name.

    A machine that booted again did so after its last word. The other one may take the name once
    the first must have stopped everything; never if that is unheard: it does not know that it must.
    unheard: says so; it is asked only where that decides.
    """
    if before is None or not (said.boot and before.boot) or said.boot == before.boot:
        return False
    return said.stored_s < min(said.uptime_s, inf if unheard() else before.hold_s)


def timed(view: Mirror, node: str, said: Said, now_s: float, since_s: float) -> Said:
    """Return `said` with the times that `view` knows. since_s: when the server started."""
    return said._replace(
        silent_s=now_s - view.heard_s.get(node, since_s),
        stored_s=now_s - view.stored_s.get(node, -inf),
        gone_s=now_s - view.goodbye_s.get(node, now_s),
    )
