"""`python3 -S -E -m services.pull.node_controller --api ADDRESS:PORT`: unassign the containers of
nodes that are down, leave, or are drained. Placing them anew is the scheduler's business.

[--profile NAME]  how long to watch for more before the pass ends; by default LAB_PROFILE
"""

import os
import sys

from services.core.liveness import evict
from services.pull.deciding import Api, Held, Wait, write_all
from services.pull.one_pass import main

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
