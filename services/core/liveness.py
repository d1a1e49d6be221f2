"""Decide which nodes are down, and which containers must leave their nodes.

Two guards keep a confused observer from evicting the world, as the real systems do:
Kubernetes stops evicting when most of a zone looks dead (kubernetes.io, "Nodes"), and
nobody who has just started knows how long the others have been silent.
"""

from collections.abc import Sequence
from typing import NamedTuple

from services.core.messages import NodeList
from services.core.model import STOP, Health, Node, Placed, Placement
from services.core.once import lost

NODE_DOWN = "node is down"
NODE_UNKNOWN = "nobody ever heard of this node"
NODE_LEAVING = "node is leaving"
NODE_DRAINED = "node is being drained"
NEVER_S = float("inf")
# Silence beyond this share of the lease is worth showing, long before it is worth acting on.
SUSPECT_SHARE = 0.6


class Eviction(NamedTuple):
    """What to unassign now, and why nothing (more) is unassigned (empty: no guard holds).

    again_s: seconds after which time alone may change the answer; infinite if it cannot.
    """

    placements: tuple[Placement, ...]
    held: str
    again_s: float = NEVER_S


def health(silent_s: float, lease_s: float) -> Health:
    """Return what `silent_s` seconds without a heartbeat mean under a lease of `lease_s`.

    Down only after more than a whole lease.
    """
    if silent_s > lease_s:
        return Health.DOWN
    return Health.SUSPECT if silent_s > lease_s * SUSPECT_SHARE else Health.UP


def evict(containers: Sequence[Placed], seen: NodeList) -> Eviction:
    """Return the containers that must leave their nodes, in order of their names.

    seen: the nodes, and how long the state server has been up. What it awaits counts as silent
    for as long as that; a container on any other node is on one that may not even exist.

    From nodes that are down: nothing while the server is younger than one lease, nothing if they
    fell silent together with more than half of those that were alive before them, and no STOP
    container before they are lost (services/core/once.py). From nodes that nobody ever heard of
    in addition nothing while no node is up: they may be about to speak. From nodes that leave or
    drain: at once, if another takes containers, for that was somebody's decision and no guess.
    `held` is empty when there was nothing to evict anyway. Total function; it never raises.
    """
    world = _look(containers, seen)
    placements, held, again_s = [], {}, NEVER_S
    for item in sorted(containers, key=lambda item: item.name):
        word = _stays if item.node is None else _about(item, item.node, world)
        if word.leaves:
            placements.append(Placement(item.name, None, f"{word.leaves}: {item.node}"))
        elif word.held:
            held[word.held] = True
            again_s = min(again_s, word.again_s)
    return Eviction(tuple(placements), "; ".join(held), again_s)


class _Word(NamedTuple):
    """What is to happen to one container. leaves: why; else held: why it stays all the same."""

    leaves: str = ""
    held: str = ""
    again_s: float = NEVER_S


_stays = _Word()


class _World(NamedTuple):
    """All nodes, those that fell silent with most others, and what is true of all together.

    *_held: what is said of containers that stay because of it.
    """

    seen: NodeList
    nodes: dict[str, Node]
    mass: frozenset[str]
    mass_held: str
    nobody_up: bool
    nobody_up_held: str
    somebody_takes: bool


def _look(containers: Sequence[Placed], seen: NodeList) -> _World:
    awaited = [Node(name, seen.uptime_s, Health.DOWN) for name in seen.awaited]
    everyone = [*seen.nodes, *awaited]
    # Those who took their leave are silent on purpose, and say nothing about me.
    judged = [node for node in everyone if not node.leaving]
    mass = sorted(n.name for n in judged if _fell_with_most(n, judged, seen.lease_s))
    unknown = {item.node for item in containers if item.node} - {node.name for node in everyone}
    return _World(
        seen,
        {node.name: node for node in everyone},
        frozenset(mass),
        f"{len(mass)} of {len(judged)} nodes fell silent together ({', '.join(mass)}): "
        "more likely a fault of mine than of theirs; moving nothing off them",
        all(node.health is Health.DOWN for node in everyone),
        f"no node is up, and {', '.join(sorted(unknown))} may be about to speak",
        any(node.takes_containers for node in everyone),
    )


def _about(item: Placed, name: str, world: _World) -> _Word:
    node = world.nodes.get(name)
    if node is None or (node.health is Health.DOWN and not node.leaving):
        return _on_silent(item, name, node, world)
    if not (node.leaving or node.draining):
        return _stays
    if world.somebody_takes:
        return _Word(NODE_LEAVING if node.leaving else NODE_DRAINED)
    what = "is leaving" if node.leaving else "is to be drained"
    return _Word(held=f"{name} {what}, but no other node takes containers")


def _on_silent(item: Placed, name: str, node: Node | None, world: _World) -> _Word:
    """Of a container on a node that is down, or unknown (None)."""
    seen = world.seen
    if seen.uptime_s <= seen.lease_s:
        young = f"state server is up for less than one lease ({seen.lease_s:g} s)"
        return _Word(held=young, again_s=seen.lease_s - seen.uptime_s)
    if name in world.mass:
        return _Word(held=world.mass_held)
    if node is None and world.nobody_up:
        return _Word(held=world.nobody_up_held)
    silent_s = seen.uptime_s if node is None else node.silent_s
    if item.container.on_disconnect == STOP and not lost(silent_s, seen):
        whole_s = seen.lease_s + seen.stop_margin_s
        held = f"what must not run twice stays on {name} until that is silent for {whole_s:g} s"
        return _Word(held=held, again_s=whole_s - silent_s)
    return _Word(NODE_UNKNOWN if node is None else NODE_DOWN)


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
