"""Decide what a node's two witnesses say: its agent's heartbeats, and echoes of its machine.

On a slow machine the lease is stretched, because a slow agent must not look like a dead node. The
kernel of a slow machine is quick all the same: it answers an echo (ping) within milliseconds. So
where machine and agent fell silent together, the profile's own lease is long enough.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from services.core.messages import NodeList
from services.core.model import Health, Node

NEVER_S = float("inf")
# Silence beyond this share of the lease is worth showing, long before it is worth acting on.
SUSPECT_SHARE = 0.6
# A heartbeat and an answered echo of a machine that dies lie at most this far apart. A machine
# whose echoes were lost earlier than that is filtered, and its echoes say nothing about the agent.
_APART_S = 1.0


class Echoes(NamedTuple):
    """What machines answered. lease_s: the profile's own, not stretched.

    silent_s: address -> seconds since the last answer, without the time in which the listener did
    not listen. A machine that never answered is not in it.
    """

    silent_s: Mapping[str, float]
    lease_s: float


# Where machines are not asked: the agent is the only witness.
NO_ECHOES = Echoes({}, NEVER_S)


def health(silent_s: float, lease_s: float) -> Health:
    """Return what `silent_s` seconds without a heartbeat mean under a lease of `lease_s`.

    A node is down only after more than a whole lease.
    """
    if silent_s > lease_s:
        return Health.DOWN
    return Health.SUSPECT if silent_s > lease_s * SUSPECT_SHARE else Health.UP


def listened(
    silent_s: Mapping[str, float], asked: Iterable[str], heard: Iterable[str], passed_s: float
) -> dict[str, float]:
    """Return `silent_s` after `passed_s` more seconds, which began with an echo to all of `asked`.

    heard: those that answered. Addresses that are no longer asked are forgotten.
    """
    grown = {address: silent_s[address] + passed_s for address in asked if address in silent_s}
    return grown | dict.fromkeys(heard, passed_s)


def judged(seen: NodeList, echoes: Echoes) -> NodeList:
    """Return `seen` with the health that both witnesses together give each node.

    It is never better than what the agent's silence alone says, and worse only where the machine
    fell silent together with its agent. Total function; it never raises.
    """
    nodes = (node._replace(health=_worse(node, echoes)) for node in seen.nodes)
    return seen._replace(nodes=tuple(nodes))


def due_s(seen: NodeList, echoes: Echoes) -> float:
    """Return in how many seconds a node that is `judged` suspect by both may be down."""
    silent_s = [_both_silent_s(node, echoes) for node in seen.nodes]
    suspect_s = [one for one in silent_s if SUSPECT_SHARE < one / echoes.lease_s <= 1]
    return echoes.lease_s - max(suspect_s) if suspect_s else NEVER_S


def both_silent(node: Node, echoes: Echoes) -> bool:
    """Whether agent and machine of `node` are silent for the profile's own lease."""
    return health(_both_silent_s(node, echoes), echoes.lease_s) is Health.DOWN


def testimony(node: Node, echoes: Echoes) -> str:
    """Return for how long agent and machine of `node` are silent; "" without a second witness.

    In brackets, with a space before them: it follows a reason.
    """
    machine_s = echoes.silent_s.get(node.address)
    if machine_s is None:
        return ""
    return f" (agent silent for {node.silent_s:.1f} s, machine for {machine_s:.1f} s)"


def _worse(node: Node, echoes: Echoes) -> Health:
    both = health(_both_silent_s(node, echoes), echoes.lease_s)
    return both if node.health is Health.UP or both is Health.DOWN else node.health


def _both_silent_s(node: Node, echoes: Echoes) -> float:
    """Return for how long both witnesses have been silent; 0 if the machine's says nothing."""
    machine_s = echoes.silent_s.get(node.address, 0.0)
    return 0.0 if machine_s > node.silent_s + _APART_S else min(node.silent_s, machine_s)
