"""Decide where unplaced containers go: least loaded healthy node first, ties by name."""

from collections.abc import Sequence
from typing import NamedTuple

from services.core.messages import NodeList
from services.core.model import STOP, Health, Node, Placed, Placement
from services.core.once import hindered

LEAST_LOADED = "least loaded node that is up"


class Schedule(NamedTuple):
    """What to place now, and why the rest waits (empty: nothing does).

    unsure: some of it waits for reports of nodes, which nothing announces.
    """

    placements: tuple[Placement, ...]
    held: str = ""
    unsure: bool = False


def schedule(containers: Sequence[Placed], seen: NodeList) -> Schedule:
    """Return a placement for every container that has no node, in order of container names.

    containers: everything declared. seen: the nodes, read after the containers were.

    Placed containers are never moved: a node that died is the node controller's business.
    Nodes that are down, cordoned, draining or leaving get nothing. A container with STOP waits
    until no node can be running it (services/core/once.py). Equal inputs give equal placements.
    Total function; it never raises.
    """
    waiting = sorted((item for item in containers if item.node is None), key=_name)
    load = {node.name: 0 for node in seen.nodes if node.takes_containers}
    if not (waiting and load):
        return Schedule((), _nobody_takes(len(waiting), seen.nodes) if waiting else "")
    for item in containers:
        if item.node in load:
            load[item.node] += 1
    once = [item.name for item in waiting if item.container.on_disconnect == STOP]
    reasons = hindered(once, seen) if once else {}
    placements = []
    for item in waiting:
        if item.name not in reasons:
            target = min(load, key=lambda node: (load[node], node))
            load[target] += 1
            placements.append(Placement(item.name, target, LEAST_LOADED))
    return Schedule(tuple(placements), _must_wait(reasons), bool(reasons))


def _name(item: Placed) -> str:
    return item.name


def _nobody_takes(waiting: int, nodes: Sequence[Node]) -> str:
    down = sum(node.health is Health.DOWN for node in nodes)
    if down == len(nodes):
        return f"{waiting} waiting; no node is up ({len(nodes)} known, {down} down)"
    counts = {
        "down": down,
        "leaving": sum(node.leaving for node in nodes),
        "draining": sum(node.draining for node in nodes),
        "cordoned": sum(node.cordoned for node in nodes),
    }
    said = ", ".join(f"{number} {what}" for what, number in counts.items() if number)
    return f"{waiting} waiting; no node takes containers ({len(nodes)} known, {said})"


def _must_wait(reasons: dict[str, str]) -> str:
    if not reasons:
        return ""
    name, reason = next(iter(reasons.items()))
    more = f" and {len(reasons) - 1} more" if len(reasons) > 1 else ""
    return f"{name}{more} must not run twice, and {reason}"
