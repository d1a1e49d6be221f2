"""The seam between what push decides and how it reaches nodes."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from services.core.errors import LabError
from services.core.model import Container

# Node -> names of the containers that serve there, or why the node could not be asked.
Sight = Mapping[str, tuple[str, ...] | LabError]


class Runner(Protocol):
    """Does on nodes what it is told, once. Every call is bounded in time, and thread-safe."""

    names: tuple[str, ...]
    """All nodes, in the order in which they take turns."""

    def running(self, nodes: Sequence[str]) -> Sight:
        """Ask `nodes`, all at once; an answer or an error for each. Never raises."""

    def start(self, node: str, container: Container) -> bool:
        """Start it; True once it serves, False if it served already.

        Raises CommandFailed, NodeBusy, or whatever keeps us from the node (NodeUnreachable, ...).
        """

    def stop(self, node: str, name: str) -> bool:
        """Stop it; True once it is gone, False if it did not run. Raises as `start` does."""
