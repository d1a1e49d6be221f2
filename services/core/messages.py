"""What travels over the wire and is more than one value of the model."""

from collections.abc import Mapping
from typing import NamedTuple

from services.core.model import Node, UnitState


class Report(NamedTuple):
    """What an agent saw on its node in one pass, and under which revision it acted."""

    running: Mapping[str, UnitState]
    revision: int


class Patch(NamedTuple):
    """What a PATCH asks for. guarded: only while the container is on `if_node`."""

    node: str | None
    reason: str
    guarded: bool
    if_node: str | None


class NodeList(NamedTuple):
    """All nodes, and what one must know to judge their silence.

    awaited: nodes that spoke before the server started, and not since.
    """

    nodes: tuple[Node, ...]
    uptime_s: float
    lease_s: float
    awaited: tuple[str, ...] = ()
