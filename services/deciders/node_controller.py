"""`python3 -S -E -m services.deciders.node_controller --api ADDRESS:PORT`: unassign what must move.

Containers leave nodes that are down, leaving or being drained; the scheduler places them again.

[--profile NAME]  how long to watch for more before the pass ends; by default LAB_PROFILE
"""

import os
import sys

from services.core.liveness import evict
from services.deciders.loop import main
from services.deciders.state_server import Api, Held, Wait, write_all

# Guards end after, not at, a moment that the server told in milliseconds.
_ROUNDED_S = 0.002


def decide(api: Api, held: Held, tick_s: float) -> Wait:
    """Unassign what must leave its node, unless a guard holds; print each decision."""
    # Before the nodes: or what was just put on a new one would be on one that nobody knows.
    containers = api.containers.read()
    seen = api.nodes.read()
    eviction = evict(containers, seen)
    overtaken = write_all(api, "UNASSIGN", eviction.placements, containers)
    held(eviction.held)
    if overtaken:
        return Wait(api.nodes.changed, tick_s)
    # Nothing tells that somebody put a container on a node that is down already.
    look_s = max(seen.lease_s, tick_s)
    return Wait(api.nodes.changed, min(look_s, eviction.again_s + _ROUNDED_S))


if __name__ == "__main__":
    sys.exit(main(decide, sys.argv[1:], os.environ))
