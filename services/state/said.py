"""A sign of life as it arrives, and whether it comes from the machine that has the name."""

from collections.abc import Mapping
from math import inf
from typing import NamedTuple

from services.core.model import UnitState
from services.state.answers import NODE_REFUSED, Happening
from services.state.changes import Plan
from services.state.rows import Sign

Running = Mapping[str, UnitState] | None


class Said(NamedTuple):
    """What a sign of life says. running: None if nothing of that; boot: None if it was not asked.

    acted: revision of the assignment under which that runs, None if unknown. uptime_s: since that
    boot; infinite if it is not said. The rest the server knows: silent_s: since the sign before;
    gone_s: since the goodbye; known: whether the node spoke before the server started.
    """

    running: Running = None
    boot: str | None = None
    acted: int | None = None
    uptime_s: float = inf
    silent_s: float = 0.0
    gone_s: float = 0.0
    known: bool = False


def is_other(before: Sign | None, said: Said, *, unheard: bool = False) -> bool:
    """Whether another machine than the one that spoke last says this under the same name.

    A machine that booted again did so after its last word. The other one may take the name once
    the first must have stopped everything; never if that is unheard: it does not know that it must.
    """
    if before is None or not (said.boot and before.boot) or said.boot == before.boot:
        return False
    return said.silent_s < min(said.uptime_s, inf if unheard else before.hold_s)


def refuse(node: str, said: Said) -> Plan:
    """Say that another machine speaks as `node`."""
    reason = f"another machine speaks as {node}, which spoke {said.silent_s:.1f} s ago"
    return Plan(happened=(Happening(NODE_REFUSED, node, node, reason),))
