"""`python3 -S -E -m services.deciders.scheduler --api ADDRESS:PORT`: place what has no node.

[--profile NAME]  how long to wait for more before it ends; by default LAB_PROFILE
"""

import os
import sys

from services.core.profiles import Profile
from services.core.schedule import schedule
from services.deciders.loop import main
from services.deciders.state_server import Explain, StateServer, Wait, write_all


def decide(server: StateServer, explain: Explain, timings: Profile) -> Wait:
    """Place what has no node, unless it was changed meanwhile; print each decision."""
    if all(item.node for item in server.unassigned.read()):
        explain("")
        return Wait(server.unassigned.changed)  # as nearly always: one request
    containers = server.containers.read()
    # The nodes after the containers: services/core/at_most_once.py.
    plan = schedule(containers, server.nodes.read())
    write_all(server, "PLACE", plan.placements, containers)
    explain(plan.waiting)
    if plan.unsure:
        # A node that stops something changes this list; a report alone does not.
        return Wait(server.containers.changed, timings.tick_s)
    if plan.waiting:
        return Wait(server.nodes.changed)
    # This returns at once if a placement was overtaken: the list has changed since.
    return Wait(server.unassigned.changed)


if __name__ == "__main__":
    sys.exit(main(decide, sys.argv[1:], os.environ))
