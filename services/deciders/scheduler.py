"""`python3 -S -E -m services.deciders.scheduler --api ADDRESS:PORT`: place what has no node.

[--profile NAME]  how long to watch for more before the pass ends; by default LAB_PROFILE
"""

import os
import sys

from services.core.schedule import schedule
from services.deciders.loop import main
from services.deciders.state_server import Api, Held, Wait, write_all


def decide(api: Api, held: Held, tick_s: float) -> Wait:
    """Place what has no node, unless somebody else did meanwhile; print each decision."""
    if all(item.node for item in api.unassigned.read()):
        held("")
        return Wait(api.unassigned.changed)  # as nearly always: one request
    containers = api.containers.read()
    # After the containers: services/core/once.py.
    plan = schedule(containers, api.nodes.read())
    write_all(api, "PLACE", plan.placements, containers)
    held(plan.held)
    if plan.unsure:
        # A node that stops something changes this list; one that merely reports does not.
        return Wait(api.containers.changed, tick_s)
    if plan.held:
        return Wait(api.nodes.changed)
    # Which is at once, if somebody was faster: the list has changed since.
    return Wait(api.unassigned.changed)


if __name__ == "__main__":
    sys.exit(main(decide, sys.argv[1:], os.environ))
