"""What travels over the wire and is more than one value of the model."""

from collections.abc import Mapping
from typing import NamedTuple

from services.core.model import Event, Node, UnitState

# The header of an answer that is possibly not the newest state: why.
STALE = "Lab-Possibly-Stale"


class Report(NamedTuple):
    """What an agent saw on its node in one pass, and under which revision it acted.

    boot: the kernel's id of this boot, epoch: the store that gave the revision; "" from agents
    that do not say. uptime_s: since the machine booted, 0 if the agent does not say.
    """

    running: Mapping[str, UnitState]
    revision: int
    boot: str = ""
    epoch: str = ""
    uptime_s: float = 0.0


class Patch(NamedTuple):
    """What a PATCH of a container asks for."""

    node: str | None
    reason: str


class NodeList(NamedTuple):
    """All nodes, and what is needed to interpret their silence.

    awaited: nodes that sent heartbeats before the server started, and none since.
    stop_margin_s: how much longer than a lease a container with STOP stays on a silent node.
    running: (node, container) for everything that the last reports named. left: for what was
    taken off a node that has not said since that it knows. unheard: for what must stop on a node
    that is cut off, but the node never said that it heard so. hold_s: of nodes that have not spoken
    since the server started, see Node.
    """

    nodes: tuple[Node, ...]
    uptime_s: float
    lease_s: float
    awaited: tuple[str, ...] = ()
    stop_margin_s: float = 0.0
    running: frozenset[tuple[str, str]] = frozenset()
    left: frozenset[tuple[str, str]] = frozenset()
    unheard: frozenset[tuple[str, str]] = frozenset()
    hold_s: float | None = None


class Marks(NamedTuple):
    """What a PATCH of a node asks for; None changes nothing."""

    cordoned: bool | None
    draining: bool | None


class EventPage(NamedTuple):
    """Events after a revision, in order. revision: of the last change of anything.

    oldest: revision of the oldest event that the server has. truncated: events that were asked
    for are missing, since they were older.
    """

    events: tuple[Event, ...]
    revision: int
    oldest: int
    truncated: bool
