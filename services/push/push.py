"""What push does with an order: choose a node, do it there, answer. Then it forgets.

There is no desired state to come back to and no loop that would: a container that dies, a
node that vanishes and a stray container started by hand stay as they are until a human
gives the next order. Nothing here is retried or repaired. That is the lesson of this mode.
"""

import itertools
from typing import NamedTuple

from services.core.errors import LabError, UnknownNode
from services.core.model import Container
from services.push.errors import NotRunning, RunsTwice, WhereaboutsUnknown
from services.push.holds import Holds
from services.push.protocol import Runner, Sight

STARTED = "started"
ALREADY_RUNNING = "already_running"
STOPPED = "stopped"


class Outcome(NamedTuple):
    """What became of an order. unreachable: nodes whose containers could not be looked at."""

    status: str
    name: str
    node: str
    unreachable: tuple[str, ...] = ()


class Push:
    """Carries out orders, one at a time per container name.

    Its only memory is whose turn it is, and a restart forgets that too: what runs is read
    from the nodes every time.
    """

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._turns = itertools.cycle(runner.names)
        self._holds = Holds()

    def start(self, container: Container, node: str | None = None) -> Outcome:
        """Start `container` on `node`, or on the node whose turn it is.

        If another node runs that name already, that is the answer and nothing is started.
        Nodes that cannot be asked do not keep us from starting; the outcome names them.
        Raises UnknownNode, and what Runner.start raises: the turn is used up all the same.
        """
        target = next(self._turns) if node is None else self._known(node)
        # Two orders for one name at once would otherwise both find it nowhere.
        with self._holds.hold(container.name):
            others = self._runner.running([n for n in self._runner.names if n != target])
            silent = tuple(unreachable(others))
            for holder in where(container.name, others):
                return Outcome(ALREADY_RUNNING, container.name, holder, silent)
            fresh = self._runner.start(target, container)
            status = STARTED if fresh else ALREADY_RUNNING
            return Outcome(status, container.name, target, silent)

    def stop(self, name: str, node: str | None = None) -> Outcome:
        """Stop container `name` on `node`, or on the one node that runs it.

        Where no node shows it serving, it may still be starting on any that answers.
        Raises UnknownNode, NotRunning, RunsTwice, WhereaboutsUnknown, and what Runner.stop raises.
        """
        with self._holds.hold(name):
            sight = self.look() if node is None else {self._known(node): ()}
            for target in only_holder(name, sight) or answers(sight):
                if self._runner.stop(target, name):
                    return Outcome(STOPPED, name, target)
        silent = unreachable(sight)
        if silent:
            raise WhereaboutsUnknown(name, tuple(silent))
        raise NotRunning(name, node)

    def look(self) -> Sight:
        """Return what runs on every node right now, or why a node could not be asked."""
        return self._runner.running(self._runner.names)

    def _known(self, node: str) -> str:
        if node not in self._runner.names:
            raise UnknownNode(node, self._runner.names)
        return node


def where(name: str, sight: Sight) -> tuple[str, ...]:
    """Return the nodes of `sight` that run `name`, in the order of `sight`."""
    return tuple(node for node, names in answers(sight).items() if name in names)


def answers(sight: Sight) -> dict[str, tuple[str, ...]]:
    """Return the nodes of `sight` that answered and what they run, in the order of `sight`."""
    return {node: seen for node, seen in sight.items() if not isinstance(seen, LabError)}


def unreachable(sight: Sight) -> dict[str, str]:
    """Return the nodes of `sight` that could not be asked, and why, in the order of `sight`."""
    return {node: str(seen) for node, seen in sight.items() if isinstance(seen, LabError)}


def only_holder(name: str, sight: Sight) -> tuple[str, ...]:
    """Return the node of `sight` that runs `name`, or nothing; raises RunsTwice for several."""
    holders = where(name, sight)
    if len(holders) > 1:
        raise RunsTwice(name, holders)
    return holders
