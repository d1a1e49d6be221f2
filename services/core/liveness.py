"""Decide which nodes are down, and which containers must leave them.

Two guards keep a confused observer from evicting the world, as the real systems do:
Kubernetes stops evicting when most of a zone looks dead (kubernetes.io, "Nodes"), and
nobody who has just started knows how long the others have been silent.
"""

from collections.abc import Sequence
from typing import NamedTuple

from services.core.model import Health, Node, Placed, Placement

NODE_DOWN = "node is down"
NODE_UNKNOWN = "nobody ever heard of this node"
# Silence beyond this share of the lease is worth showing, long before it is worth acting on.
SUSPECT_SHARE = 0.6


class Eviction(NamedTuple):
    """What to unassign now, and why nothing (more) is unassigned (empty: no guard holds)."""

    placements: tuple[Placement, ...]
    held: str


def health(silent_s: float, lease_s: float) -> Health:
    """Return what `silent_s` seconds without a heartbeat mean under a lease of `lease_s`.

    Down only after more than a whole lease.
    """
    if silent_s > lease_s:
        return Health.DOWN
    return Health.SUSPECT if silent_s > lease_s * SUSPECT_SHARE else Health.UP


def evict(
    containers: Sequence[Placed],
    nodes: Sequence[Node],
    awaited: Sequence[str] = (),
    *,
    uptime_s: float,
    lease_s: float,
) -> Eviction:
    """Return the containers to take off nodes that are down, in order of their names.

    nodes: everything the server heard of since it started. awaited: what it only heard of
    before; that counts as silent for as long as the server is up. A container on any other
    node is on one that may not even exist.
    uptime_s: how long the state server has been up. lease_s: silence that means down.

    Nothing is evicted while the server is younger than one lease, nothing from nodes that
    fell silent together with more than half of those that were alive before them, and nothing
    from nodes that nobody ever heard of while none is up: they may be about to speak.
    `held` is empty when there was nothing to evict anyway. Total function; it never raises.
    """
    everyone = [*nodes, *(Node(name, uptime_s, Health.DOWN) for name in awaited)]
    unknown = {item.node for item in containers if item.node} - {node.name for node in everyone}
    down = {node.name for node in everyone if node.health is Health.DOWN}
    if uptime_s <= lease_s and _on(containers, down | unknown):
        young = f"state server is up for {uptime_s:.0f} s; waiting one lease ({lease_s:g} s)"
        return Eviction((), young)
    mass = {node.name for node in everyone if _fell_with_most(node, everyone, lease_s)}
    nobody_up = len(down) == len(everyone)
    leaving = _on(containers, down - mass | (set() if nobody_up else unknown))
    placements = tuple(
        Placement(
            item.name, None, f"{NODE_DOWN if item.node in down else NODE_UNKNOWN}: {item.node}"
        )
        for item in leaving
    )
    held = ""
    if nobody_up and unknown:
        held = f"no node is up, and {', '.join(sorted(unknown))} may be about to speak"
    if _on(containers, mass):
        held = (
            f"{len(mass)} of {len(everyone)} nodes fell silent together "
            f"({', '.join(sorted(mass))}): more likely a fault of mine than of theirs; "
            "moving nothing off them"
        )
    return Eviction(placements, held)


def _on(containers: Sequence[Placed], nodes: set[str]) -> list[Placed]:
    """The containers placed on `nodes`, by name."""
    return sorted((item for item in containers if item.node in nodes), key=lambda item: item.name)


def _fell_with_most(node: Node, nodes: Sequence[Node], lease_s: float) -> bool:
    """Whether `node` is down, and more than half of those alive before it fell silent with it.

    A node that was lost more than a lease earlier was not alive then; counting it would
    freeze a lab of three for ever after its second, separate failure.
    """
    if node.health is not Health.DOWN:
        return False
    alive_before = [other for other in nodes if other.silent_s <= node.silent_s + lease_s]
    together = [
        other
        for other in alive_before
        if other.health is Health.DOWN and abs(other.silent_s - node.silent_s) <= lease_s
    ]
    return len(together) * 2 > len(alive_before)
