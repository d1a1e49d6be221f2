"""`python3 -S -E -m services.pull.scheduler --api ADDRESS:PORT`: place what has no node, once."""

import sys

from services.core.model import Health
from services.core.schedule import schedule
from services.pull.one_pass import Api, main, write_all


def decide(api: Api) -> None:
    """Place every unplaced container, unless somebody else did meanwhile; print each decision."""
    containers = api.containers()
    waiting = sum(placed.node is None for placed in containers)
    if not waiting:
        return  # the usual pass: one request
    nodes = api.nodes().nodes
    placements = schedule(containers, nodes)
    write_all(api, "PLACE", [(placement, None) for placement in placements])
    if not placements:
        down = sum(node.health is Health.DOWN for node in nodes)
        print(f"HELD: {waiting} waiting; no node is up ({len(nodes)} known, {down} down)")


if __name__ == "__main__":
    sys.exit(main(decide, sys.argv[1:]))
