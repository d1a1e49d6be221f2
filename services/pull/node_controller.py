"""`python3 -S -E -m services.pull.node_controller --api ADDRESS:PORT`: unassign the containers
of nodes that are down, once. Placing them anew is the scheduler's business."""

import sys

from services.core.liveness import evict
from services.pull.one_pass import Api, main, write_all


def decide(api: Api) -> None:
    """Unassign what is on dead nodes, unless a guard holds; print each decision."""
    containers = api.containers()
    nodes = api.nodes()
    eviction = evict(
        containers, nodes.nodes, nodes.awaited, uptime_s=nodes.uptime_s, lease_s=nodes.lease_s
    )
    where = {placed.name: placed.node for placed in containers}
    # Not if it was moved meanwhile: off the node that is down, or nothing.
    write_all(api, "UNASSIGN", [(item, where[item.name]) for item in eviction.placements])
    if eviction.held:
        print(f"HELD: {eviction.held}")


if __name__ == "__main__":
    sys.exit(main(decide, sys.argv[1:]))
