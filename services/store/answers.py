"""What the store answers with, and how it refuses."""

from typing import NamedTuple

from services.core.errors import LabError
from services.core.model import Node, Placed
from services.store.seen import Beat


class Listing(NamedTuple):
    """All declared containers by name. running: container -> node where it serves."""

    placed: tuple[Placed, ...]
    running: dict[str, str]
    revision: int


class Roll(NamedTuple):
    """Every node by name. heard: since the start, `uptime_s` seconds ago. awaited: only before."""

    heard: tuple[tuple[Node, Beat], ...]
    awaited: tuple[str, ...]
    uptime_s: float


class PlacedMeanwhile(LabError):
    """A decision that was made about a placement which is not there any more."""

    def __init__(self, name: str, expected: str | None, actual: str | None) -> None:
        super().__init__(
            f"container {name!r} is {_where(actual)}, not {_where(expected)}",
            hint="read GET /api/containers again and decide anew",
        )
        self.name = name
        self.expected = expected
        self.actual = actual


def _where(node: str | None) -> str:
    return "unplaced" if node is None else f"on {node!r}"
