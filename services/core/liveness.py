"""Decide which nodes are down, and which containers must leave their nodes.

Two guards keep a confused observer from moving everything, as the real systems do: Kubernetes
stops evicting when most of a zone looks dead (kubernetes.io, "Nodes"), and a server that has just
started does not know how long the nodes have been silent.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from services.core.at_most_once import UNHEARD, held_s
from services.core.messages import NodeList
from services.core.model import STOP, Health, Node, Placed, Placement
from services.core.witness import NEVER_S as NEVER_S
from services.core.witness import NO_ECHOES, Echoes, both_silent, due_s, judged, testimony
from services.core.witness import health as health

NODE_DOWN = "node is down"
NODE_UNKNOWN = "the server never heard from this node"
NODE_LEAVING = "node is leaving"
NODE_DRAINED = "node is being drained"
_NEVER: Mapping[str, float] = {}


class Eviction(NamedTuple):
    """What to unassign now, and why the rest waits ("" if no guard is active).

    again_s: seconds after which time alone may change the answer; infinite if it cannot.
    guarded: for the next call. dead: nodes that are down although the server, which hears only
    agents, does not know yet.
    """

    placements: tuple[Placement, ...]
    waiting: str
    again_s: float = NEVER_S
    guarded: Mapping[str, float] = _NEVER
    dead: tuple[Node, ...] = ()


def evict(
    containers: Sequence[Placed],
    seen: NodeList,
    guarded: Mapping[str, float] = _NEVER,
    now_s: float = 0.0,
    echoes: Echoes = NO_ECHOES,
) -> Eviction:
    """Return the containers that must leave their nodes, in order of their names.

    seen: the nodes, and how long the state server has been up. Nodes that it awaits count as
    silent for as long as that; any other name is a node that may not even exist. guarded: of the
    last call: node -> when a guard last held for it. now_s: of the same monotonic clock. echoes:
    what machines answered; a node whose machine fell silent, too, is down sooner.

    From nodes that are down: nothing while the server is younger than one lease, nothing if they
    fell silent together with more than half of the nodes that were alive before, and no STOP
    container before the node is lost (services/core/at_most_once.py). From nodes that the server
    never heard from, in addition, nothing while no node is up: they may be about to send their
    first heartbeat. When most nodes speak again, the others still have one lease to do so: they
    come back one after the other. From nodes that leave or drain: at once, if another node takes
    containers, since a person decided that. `waiting` is "" when there was nothing to evict anyway.
    Total function; it never raises.
    """
    world = _look(containers, judged(seen, echoes), echoes, guarded, now_s)
    placements, reasons, again_s = [], {}, due_s(seen, echoes)
    for item in sorted(containers, key=lambda item: item.name):
        verdict = _stays if item.node is None else _about(item, item.node, world)
        if verdict.leaves:
            placements.append(Placement(item.name, None, verdict.leaves))
        elif verdict.waits:
            reasons[verdict.waits] = True
            again_s = min(again_s, verdict.again_s)
    dead = tuple(_dead(seen, world))
    return Eviction(tuple(placements), "; ".join(reasons), again_s, world.guarded, dead)


class _Verdict(NamedTuple):
    """What happens to one container. leaves: the reason; or waits: why it stays all the same.

    Neither: it stays where it is.
    """

    leaves: str = ""
    waits: str = ""
    again_s: float = NEVER_S


_stays = _Verdict()


class _World(NamedTuple):
    """All nodes, and what is true of all of them together.

    mass: nodes that fell silent together with most others. *_waits: why containers stay then.
    guarded: see Eviction.
    """

    seen: NodeList
    echoes: Echoes
    now_s: float
    nodes: dict[str, Node]
    mass: frozenset[str]
    mass_waits: str
    none_up: bool
    none_up_waits: str
    one_takes: bool
    guarded: dict[str, float]


def _look(
    containers: Sequence[Placed],
    seen: NodeList,
    echoes: Echoes,
    guarded: Mapping[str, float],
    now_s: float,
) -> _World:
    awaited = [
        Node(name, seen.uptime_s, Health.DOWN, hold_s=held_s(None, seen)) for name in seen.awaited
    ]
    everyone = [*seen.nodes, *awaited]
    nodes = {node.name: node for node in everyone}
    # Nodes that said goodbye are silent on purpose; their silence tells nothing about this server.
    judged = [node for node in everyone if not node.leaving]
    mass = sorted(n.name for n in judged if _fell_with_most(n, judged, seen.lease_s))
    unknown = sorted({item.node for item in containers if item.node} - nodes.keys())
    none_up = all(node.health is Health.DOWN for node in everyone)
    silent = {*unknown, *(node.name for node in judged if node.health is not Health.UP)}
    holds = [*mass, *(unknown if none_up else ())]
    return _World(
        seen,
        echoes,
        now_s,
        nodes,
        frozenset(mass),
        f"{len(mass)} of {len(judged)} nodes fell silent together ({', '.join(mass)}): "
        "more likely a fault here than there; nothing is moved off them",
        none_up,
        f"no node is up, and {', '.join(unknown)} may be about to send a heartbeat",
        any(node.takes_containers for node in everyone),
        {name: at_s for name, at_s in guarded.items() if name in silent}
        | dict.fromkeys(holds, now_s),
    )


def _about(item: Placed, name: str, world: _World) -> _Verdict:
    node = world.nodes.get(name)
    if node is None or (node.health is Health.DOWN and not node.leaving):
        return _on_silent(item, name, node, world)
    if not (node.leaving or node.draining):
        return _stays
    if world.one_takes:
        return _Verdict(f"{NODE_LEAVING if node.leaving else NODE_DRAINED}: {name}")
    what = "is leaving" if node.leaving else "is to be drained"
    return _Verdict(waits=f"{name} {what}, but no other node takes containers")


def _on_silent(item: Placed, name: str, node: Node | None, world: _World) -> _Verdict:
    """Of a container on a node that is down, or unknown (None)."""
    guard = _guard(name, world)
    if guard.waits:
        return guard
    seen = world.seen
    silent_s = seen.uptime_s if node is None else node.silent_s
    if item.container.on_disconnect == STOP and (name, item.name) in seen.unheard:
        return _Verdict(waits=UNHEARD.format(node=name, name=item.name))
    whole_s = held_s(node, seen)
    if item.container.on_disconnect == STOP and silent_s <= whole_s:
        waits = f"what must not run twice stays on {name} until that is silent for {whole_s:g} s"
        return _Verdict(waits=waits, again_s=whole_s - silent_s)
    if node is None:
        return _Verdict(f"{NODE_UNKNOWN}: {name}")
    return _Verdict(f"{NODE_DOWN}: {name}{testimony(node, world.echoes)}")


def _dead(seen: NodeList, world: _World) -> Iterator[Node]:
    """Nodes that the server does not call down, and that no guard holds for."""
    for node in seen.nodes:
        judged_down = world.nodes[node.name].health is Health.DOWN
        if judged_down and node.health is not Health.DOWN and not _guard(node.name, world).waits:
            yield node


def _guard(name: str, world: _World) -> _Verdict:
    """Return why nothing leaves the node `name`, which is down or unknown, yet; or that it may."""
    seen = world.seen
    node = world.nodes.get(name)
    # Of a node that both witnesses call dead, their silence since the start is long enough.
    if seen.uptime_s <= seen.lease_s and not (node and both_silent(node, world.echoes)):
        young = f"state server is up for less than one lease ({seen.lease_s:g} s)"
        return _Verdict(waits=young, again_s=seen.lease_s - seen.uptime_s)
    if name in world.mass:
        return _Verdict(waits=world.mass_waits)
    if name not in world.nodes and world.none_up:
        return _Verdict(waits=world.none_up_waits)
    patience_s = world.guarded.get(name, -NEVER_S) + seen.lease_s - world.now_s
    if patience_s >= 0:
        late = f"most nodes speak again; {name} still has one lease ({seen.lease_s:g} s)"
        return _Verdict(waits=late, again_s=patience_s)
    return _stays


def _fell_with_most(node: Node, nodes: Sequence[Node], lease_s: float) -> bool:
    """Whether `node` is silent, and more than half of the nodes alive before fell silent with it.

    A suspect counts: nodes that fall silent at one moment gave their last signs of life one after
    the other, and the one whose lease ends before the others' must not be judged alone.
    A node that was lost more than a lease earlier was not alive then. If it counted, a lab of
    three nodes would move nothing any more after its second, separate failure.
    """
    if node.health is Health.UP:
        return False
    alive_before = [other for other in nodes if other.silent_s <= node.silent_s + lease_s]
    together = [
        other
        for other in alive_before
        if other.health is not Health.UP and abs(other.silent_s - node.silent_s) <= lease_s
    ]
    return len(together) * 2 > len(alive_before)
