"""Decide where unplaced containers go: least loaded healthy node first, ties by name."""

from collections.abc import Sequence

from services.core.model import Health, Node, Placed, Placement

LEAST_LOADED = "least loaded node that is up"


def schedule(containers: Sequence[Placed], nodes: Sequence[Node]) -> tuple[Placement, ...]:
    """Return a placement for every container that has no node, in order of container names.

    containers: everything declared. nodes: everything the server knows, whatever its health.

    Placed containers are never moved: a node that died is the node controller's business.
    A node that is down gets nothing. Without a healthy node the result is empty and the
    containers wait. Equal inputs give equal placements. Total function; it never raises.
    """
    load = {node.name: 0 for node in nodes if node.health is not Health.DOWN}
    if not load:
        return ()
    for placed in containers:
        if placed.node in load:
            load[placed.node] += 1
    placements = []
    for name in sorted(placed.name for placed in containers if placed.node is None):
        target = min(load, key=lambda node: (load[node], node))
        load[target] += 1
        placements.append(Placement(name, target, LEAST_LOADED))
    return tuple(placements)
