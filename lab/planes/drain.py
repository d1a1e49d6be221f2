"""Empty a node, and say what became of what it had."""

import time
from collections.abc import Callable

from lab.planes.client import Load, PullClient
from lab.planes.status import standing
from services.core.errors import LabError

_EVERY_S = 0.3


def drain(pull: PullClient, node: str, timeout_s: float, say: Callable[[str], None]) -> list[str]:
    """Have `node` emptied, and return what it had once it has nothing, sorted.

    Nothing is assigned to it then, and nothing runs there. Raises LabError at once when no
    other node takes containers, and after `timeout_s`; the node stays draining.
    """
    pull.mark(node, draining=True)
    deadline_s = time.monotonic() + timeout_s
    had: set[str] = set()
    said = ""
    while True:
        load = pull.node(node)
        had |= {*load.placed, *load.running}
        if not load.placed and not load.running:
            return sorted(had)
        line = f"{node}: {len(load.placed)} assigned, {len(load.running)} running"
        if line != said:
            say(line)
            said = line
        if load.placed:
            _check_others(pull, load)
        if time.monotonic() > deadline_s:
            raise _not_empty(load, timeout_s)
        time.sleep(_EVERY_S)


def _check_others(pull: PullClient, load: Load) -> None:
    others = [other for other in pull.nodes().nodes if other.name != load.node.name]
    if not any(other.takes_containers for other in others):
        node, states = load.node.name, ", ".join(f"{o.name} is {standing(o)}" for o in others)
        raise LabError(
            f"{node} keeps {', '.join(load.placed)}: no other node takes containers ({states})",
            hint=f"it is emptied as soon as one does: lab uncordon NODE; to take it back: "
            f"lab uncordon {node}",
        )


def _not_empty(load: Load, waited_s: float) -> LabError:
    what = {"assigned": load.placed, "running": load.running}
    left = "; ".join(f"{word}: {', '.join(names)}" for word, names in what.items() if names)
    return LabError(
        f"{load.node.name} is not empty after {waited_s:g} s; {left}",
        hint="it goes on being emptied; lab events shows what happens, "
        f"lab logs {load.node.name} what its agent does",
    )
