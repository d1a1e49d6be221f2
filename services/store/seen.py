"""What agents say of themselves. In memory only: a beat a second would wear out any file,
and after a restart nobody may be judged by what was heard before it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from services.core.liveness import health
from services.core.model import Node, UnitState


class Beat(NamedTuple):
    """The last sign of life of one node.

    at_s: monotonic, for deciding. wall: ISO 8601 in UTC, for people. running: as it reported.
    """

    at_s: float
    wall: str
    running: Mapping[str, UnitState]


class Seen:
    """Node name -> its last beat. lease_s: silence after which a node is down."""

    def __init__(self, lease_s: float) -> None:
        self.lease_s = lease_s
        self._beats: dict[str, Beat] = {}

    def beat(self, node: str, running: Mapping[str, UnitState] | None, *, at_s: float) -> None:
        """Record a sign of life of `node`. running: None from agents that do not report."""
        known = self._beats.get(node)
        if running is None:
            running = known.running if known else {}
        wall = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._beats[node] = Beat(at_s, wall, running)

    def nodes(self, *, now_s: float) -> list[tuple[Node, Beat]]:
        """Return every node heard of since the start, by name."""
        return [
            (_judge(name, now_s - beat.at_s, self.lease_s), beat)
            for name, beat in sorted(self._beats.items())
        ]

    def runs(self, node: str, name: str, image: str, *, now_s: float) -> bool:
        """Whether `node` said, within its lease, that container `name` of `image` serves."""
        beat = self._beats.get(node)
        if beat is None or now_s - beat.at_s > self.lease_s:
            return False
        return beat.running.get(name) == UnitState(image, ready=True)


def _judge(name: str, silent_s: float, lease_s: float) -> Node:
    return Node(name, silent_s, health(silent_s, lease_s))
