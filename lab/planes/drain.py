"""Empty a node, and say what became of what it had."""

import time
from collections.abc import Callable

from lab.planes.client import Load, PullClient
from lab.planes.status import standing
from services.core.errors import LabError

_EVERY_S = 0.3


class NowhereToGo(LabError):
    """A node that is to be drained, and no other one that takes what it has."""

    def __init__(self, node: str, left: tuple[str, ...], others: dict[str, str]) -> None:
        states = ", ".join(f"{name} is {state}" for name, state in others.items())
        super().__init__(
            f"{node} keeps {', '.join(left)}: no other node takes containers ({states})",
            hint=f"it is emptied as soon as one does: lab uncordon NODE; to take it back: "
            f"lab uncordon {node}",
        )
        self.node = node
        self.left = left
        self.others = others


class NotEmpty(LabError):
    """A node that still had something when time was up."""

    def __init__(self, load: Load, waited_s: float) -> None:
        what = {"assigned": load.placed, "running": load.running}
        left = "; ".join(f"{word}: {', '.join(names)}" for word, names in what.items() if names)
        super().__init__(
            f"{load.node.name} is not empty after {waited_s:g} s; {left}",
            hint="it goes on being emptied; lab events shows what happens, "
            f"lab logs {load.node.name} what its agent does",
        )
        self.load = load
        self.waited_s = waited_s


def drain(pull: PullClient, node: str, timeout_s: float, say: Callable[[str], None]) -> list[str]:
    """Have `node` emptied, and return what it had once it has nothing, sorted.

    Nothing is assigned to it then, and nothing runs there. Raises NowhereToGo at once when no
    other node takes containers, and NotEmpty after `timeout_s`; the node stays draining.
    """
    pull.mark(node, draining=True)
    deadline_s = time.monotonic() + timeout_s
    had: set[str] = set()
    told = ""
    while True:
        load = pull.node(node)
        had |= {*load.placed, *load.running}
        if not load.placed and not load.running:
            return sorted(had)
        line = f"{node}: {len(load.placed)} assigned, {len(load.running)} running"
        if line != told:
            say(line)
            told = line
        if load.placed:
            _check_others(pull, load)
        if time.monotonic() > deadline_s:
            raise NotEmpty(load, timeout_s)
        time.sleep(_EVERY_S)


def _check_others(pull: PullClient, load: Load) -> None:
    others = [other for other in pull.nodes().nodes if other.name != load.node.name]
    if not any(other.takes_containers for other in others):
        raise NowhereToGo(load.node.name, load.placed, {o.name: standing(o) for o in others})
