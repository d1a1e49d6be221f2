"""`python3 -S -E -m services.deciders.node_controller --api ADDRESS:PORT`: unassign what must move.

Containers leave nodes that are down, leaving or being drained; the scheduler places them again.
[--profile NAME]  how long to wait for more before it ends; by default LAB_PROFILE
"""

import os
import sys
import time
from collections.abc import Callable

from services.core.liveness import evict
from services.core.profiles import Profile
from services.deciders.loop import main
from services.deciders.memory import PassMemory, keep, recall
from services.deciders.state_server import Explain, StateServer, Wait, write_all

# The server sends milliseconds, and a guard ends after that moment, not at it.
_ROUNDED_S = 0.002


class NodeController:
    """Decides what leaves its node. run: a folder that remembers from pass to pass, or ""."""

    def __init__(self, run: str = "", now_s: Callable[[], float] = time.monotonic) -> None:
        self._path = run and f"{run}/memory.json"
        self._memory = recall(self._path) if run else PassMemory()
        self._now_s = now_s

    def decide(self, server: StateServer, explain: Explain, timings: Profile) -> Wait:
        """Unassign what must leave its node, unless a guard is active; print each decision."""
        # The containers first: else one that was just put on a new node would be on an unknown one.
        containers = server.containers.read()
        seen = server.nodes.read()
        eviction = evict(containers, seen, self._memory.guarded, self._now_s())
        self._remember(self._memory._replace(guarded=eviction.guarded))
        overtaken = write_all(server, "UNASSIGN", eviction.placements, containers)
        explain(eviction.waiting)
        if overtaken or eviction.unsure:
            return Wait(server.nodes.changed, timings.tick_s)
        # A container that was put on a node that is down already changes no node.
        look_s = max(seen.lease_s, timings.tick_s)
        return Wait(server.nodes.changed, min(look_s, eviction.again_s + _ROUNDED_S))

    def _remember(self, memory: PassMemory) -> None:
        if self._path and memory != self._memory:
            keep(self._path, memory)
        self._memory = memory


if __name__ == "__main__":
    controller = NodeController(os.environ.get("RUNTIME_DIRECTORY", ""))
    sys.exit(main(controller.decide, sys.argv[1:], os.environ))
