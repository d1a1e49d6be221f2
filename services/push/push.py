"""What push does with an order: choose a node, do it there, answer. Then it forgets.

Compare services/agent/tick.py: here is no desired state to come back to, and no loop that would.
A container that dies, a node that vanishes and a stray container started by hand stay as they are
until a human gives the next order. Nothing is retried or repaired. That is the lesson of this mode.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from services.core.errors import LabError, UnknownNode
from services.core.model import Container
from services.push.commands import NodeListing
from services.push.errors import NotRunning, RunsTwice, WhereaboutsUnknown

STARTED = "started"
ALREADY_RUNNING = "already_running"
STOPPED = "stopped"

# Node -> the containers that it listed, or why it could not be asked.
Sight = Mapping[str, NodeListing | LabError]


class Runner(Protocol):
    """Carries out orders on the nodes, once. Every call is bounded in time, and thread-safe."""

    names: tuple[str, ...]
    """All nodes, in the order in which they take turns."""

    def look(self, nodes: Sequence[str]) -> Sight:
        """Ask `nodes`, all at once; an answer or an error for each. Never raises."""

    def start(self, node: str, container: Container) -> bool:
        """Start it; True once it serves, False if it served already.

        Raises CommandFailed, NodeBusy, or what keeps us from the node (NodeUnreachable, ...).
        """

    def stop(self, node: str, name: str) -> bool:
        """Stop it; True once it is gone, False if it did not run. Raises as `start` does."""


class Outcome(NamedTuple):
    """What became of an order. unreachable: nodes whose containers could not be looked at."""

    status: str
    name: str
    node: str
    unreachable: tuple[str, ...] = ()


class Push:
    """Carries out orders; its callers give one order at a time for each container name.

    Its only memory is whose turn it is, and a restart forgets that too: what runs is read
    from the nodes every time.
    """

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._turns = itertools.cycle(runner.names)

    def start(self, container: Container, node: str | None = None) -> Outcome:
        """Start `container` on `node`, or on the node whose turn it is.

        If another node runs that name already, that is the answer and nothing is started. If it
        is starting there, because an earlier order was given up, that start is waited for.
        Nodes that cannot be asked do not keep us from starting; the outcome names them.
        Raises UnknownNode, and what Runner.start raises: the turn is used up all the same.
        """
        target = next(self._turns) if node is None else self._known(node)
        others = self._runner.look([other for other in self._runner.names if other != target])
        silent = tuple(unreachable(others))
        for other, listing in answers(others).items():
            if container.name in listing.running:
                return Outcome(ALREADY_RUNNING, container.name, other, silent)
            if container.name in listing.starting:
                target = other
        fresh = self._runner.start(target, container)
        return Outcome(STARTED if fresh else ALREADY_RUNNING, container.name, target, silent)

    def stop(self, name: str, node: str | None = None) -> Outcome:
        """Stop container `name` on `node`, or on the one node that has it.

        If no node lists it, its start may still be in a queue of any node that answers.
        Raises UnknownNode, NotRunning, RunsTwice, WhereaboutsUnknown, and what Runner.stop raises.
        """
        sight = self.look() if node is None else {self._known(node): NodeListing()}
        for target in only_place(name, sight) or answers(sight):
            if self._runner.stop(target, name):
                return Outcome(STOPPED, name, target)
        if silent := unreachable(sight):
            raise WhereaboutsUnknown(name, tuple(silent))
        raise NotRunning(name, node)

    def look(self) -> Sight:
        """Return what is on every node right now, or why a node could not be asked."""
        return self._runner.look(self._runner.names)

    def _known(self, node: str) -> str:
        if node not in self._runner.names:
            raise UnknownNode(node, self._runner.names)
        return node


def answers(sight: Sight) -> dict[str, NodeListing]:
    """Return the nodes of `sight` that answered and what they listed, in the order of `sight`."""
    return {node: found for node, found in sight.items() if not isinstance(found, LabError)}


def unreachable(sight: Sight) -> dict[str, str]:
    """Return the nodes of `sight` that could not be asked, and why, in the order of `sight`."""
    return {node: str(found) for node, found in sight.items() if isinstance(found, LabError)}


def only_place(name: str, sight: Sight) -> tuple[str, ...]:
    """Return the node that runs or starts `name`, or nothing; raises RunsTwice for several."""
    listings = answers(sight).items()
    places = tuple(node for node, found in listings if name in found.running + found.starting)
    if len(places) > 1:
        raise RunsTwice(name, places)
    return places
