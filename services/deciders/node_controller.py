"""`python3 -S -E -m services.deciders.node_controller --api ADDRESS:PORT`: unassign what must move.

Containers leave nodes that are down, leaving or being drained; the scheduler places them again.
[--profile NAME]  how long to wait for more before it ends; by default LAB_PROFILE
"""

import os
import sys

from services.core.liveness import evict
from services.deciders.loop import main
from services.deciders.state_server import Explain, StateServer, Wait, write_all

# The server sends milliseconds, and a guard ends after that moment, not at it.
_ROUNDED_S = 0.002


def decide(server: StateServer, explain: Explain, tick_s: float) -> Wait:
    """Unassign what must leave its node, unless a guard is active; print each decision."""
    # The containers first: else one that was just put on a new node would be on an unknown one.
    containers = server.containers.read()
    seen = server.nodes.read()
    eviction = evict(containers, seen)
    overtaken = write_all(server, "UNASSIGN", eviction.placements, containers)
    explain(eviction.waiting)
    if overtaken:
        return Wait(server.nodes.changed, tick_s)
    # A container that was put on a node that is down already changes no node.
    look_s = max(seen.lease_s, tick_s)
    return Wait(server.nodes.changed, min(look_s, eviction.again_s + _ROUNDED_S))


if __name__ == "__main__":
    sys.exit(main(decide, sys.argv[1:], os.environ))
