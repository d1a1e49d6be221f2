"""`python3 -S -E -m services.deciders.node_controller --api ADDRESS:PORT`: unassign what must move.

Containers leave nodes that are down, leaving or being drained; the scheduler places them again.
[--profile NAME]  how long to wait for more before it ends; by default LAB_PROFILE
"""

import os
import sys
import time
from collections.abc import Callable

from services.core.liveness import evict
from services.core.messages import NodeList
from services.core.profiles import Profile, own_lease_s
from services.core.witness import NO_ECHOES, Echoes
from services.deciders.echo import EVERY_S, Listener
from services.deciders.loop import main
from services.deciders.memory import PassMemory, keep, recall
from services.deciders.state_server import Explain, Meanwhile, StateServer, Wait, write_all

# The server sends milliseconds, and a guard ends after that moment, not at it.
_ROUNDED_S = 0.002


class NodeController:
    """Decides what leaves its node. run: a folder that remembers from pass to pass, or ""."""

    def __init__(self, run: str = "", now_s: Callable[[], float] = time.monotonic) -> None:
        self._path = run and f"{run}/memory.json"
        self._memory = recall(self._path) if run else PassMemory()
        self._now_s = now_s
        self.listener = Listener(self._memory.silent_s)

    def decide(self, server: StateServer, explain: Explain, timings: Profile) -> Wait:
        """Unassign what must leave its node, unless a guard is active; print each decision."""
        # The containers first: else one that was just put on a new node would be on an unknown one.
        containers = server.containers.read()
        seen = server.nodes.read()
        echoes = self._echoes(seen, timings)
        eviction = evict(containers, seen, self._memory.guarded, self._now_s(), echoes)
        self._remember(self._memory._replace(guarded=eviction.guarded))
        # First, so that the scheduler does not place on a dead node what just left it.
        if not all(server.declare_down(node) for node in eviction.dead):
            return Wait(server.nodes.changed, 0.0)
        overtaken = write_all(server, "UNASSIGN", eviction.placements, containers)
        explain(eviction.waiting)
        # A container that was put on a node that is down already changes no node.
        look_s = max(seen.lease_s, timings.tick_s)
        if overtaken:
            look_s = timings.tick_s

        def changed(wait_s: float) -> bool | None:
            return self._await_change(server, echoes, wait_s)

        # If the pass ended now, nothing would listen until the next one has started.
        stay_s = echoes.lease_s if self.listener.doubts(echoes.lease_s) else 0.0
        return Wait(changed, min(look_s, eviction.again_s + _ROUNDED_S), stay_s)

    def _echoes(self, seen: NodeList, timings: Profile) -> Echoes:
        """Return what machines answered. They are asked where that may be sooner than the lease."""
        lease_s = own_lease_s(timings)
        if not timings.watch_s or seen.lease_s <= lease_s:
            return NO_ECHOES
        self.listener.asked = frozenset(node.address for node in seen.nodes if node.address)
        return Echoes(self.listener.silent_s, lease_s)

    def _await_change(self, server: StateServer, echoes: Echoes, wait_s: float) -> bool | None:
        if echoes is NO_ECHOES:
            return server.nodes.changed(wait_s)
        listener = self.listener
        act = Meanwhile(lambda: listener.listen(echoes.lease_s), EVERY_S)
        try:
            changed = server.nodes.changed(wait_s, act)
            return True if changed is False and listener.doubts(echoes.lease_s) else changed
        finally:
            if listener.trouble and listener.trouble != self._memory.trouble:
                print(f"no echoes of machines: {listener.trouble}", file=sys.stderr, flush=True)
            self._remember(
                self._memory._replace(silent_s=listener.silent_s, trouble=listener.trouble)
            )

    def _remember(self, memory: PassMemory) -> None:
        if self._path and memory != self._memory:
            keep(self._path, memory)
        self._memory = memory


if __name__ == "__main__":
    controller = NodeController(os.environ.get("RUNTIME_DIRECTORY", ""))
    sys.exit(main(controller.decide, sys.argv[1:], os.environ))
