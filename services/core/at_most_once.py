"""A container with on_disconnect STOP never runs twice: the rule, in one place.

It is placed only while no node can be running it. A node can be running it if its last report
named it, or if it was taken off that node and the node has not said since that it knows: the server
remembers that, also over its own restarts. Then one must wait until the node
  * says what it runs after it has acted on a newer assignment; or
  * is lost: silent for longer than it may hold on to such a container, by the theorem of
    services/core/lease.py. But only if the agent was told that it must stop, and said so: what it
    never heard, it does not do. For such a node only a person can decide that it is dead
    (`lab forget`).
Because of this rule the container may be taken off a live node at any time. It is taken off a
silent node only when that node is lost, so that a short silence moves nothing.
"""

from collections.abc import Iterable

from services.core.messages import NodeList
from services.core.model import STOP, Container, Node

RUNS = "{node} still runs it"
UNSURE = "{node} has not yet said that it stopped it"
UNHEARD = "{node} never heard that {name} must stop; lab forget {node} if it is dead"


def held_s(node: Node | None, seen: NodeList) -> float:
    """Return after how much silence `node` is lost: it has stopped its STOP containers by then.

    None: of a node that has not spoken since the server started. Its silence counts from that
    start, since the server does not know what it answered just before.
    """
    hold_s = seen.hold_s if node is None else node.hold_s
    return seen.lease_s + seen.stop_margin_s if hold_s is None else hold_s


def knows(container: Container, policy_since: int, acted: int) -> bool:
    """Whether a node knows that it must stop `container` when it is cut off.

    policy_since: revision since which the container has its policy. acted: of the newest assignment
    on which the node said that it acted.
    """
    return container.on_disconnect == STOP and policy_since <= acted


def blocked(names: Iterable[str], seen: NodeList) -> dict[str, str]:
    """Return those of `names` that may still run, or start, on some node: name -> reason.

    seen: the nodes, read after the containers. Total function; it never raises.
    """
    alive = {node.name for node in seen.nodes if node.silent_s <= held_s(node, seen)}
    if seen.uptime_s <= held_s(None, seen):
        alive |= {*seen.awaited}
    reasons: dict[str, str] = {}
    for reason, pairs in ((RUNS, seen.running), (UNSURE, seen.left)):
        found = {name: node for node, name in sorted(pairs) if node in alive}
        reasons |= {name: reason.format(node=node) for name, node in found.items()}
    for node, name in sorted(seen.unheard):
        if node not in alive:
            reasons[name] = UNHEARD.format(node=node, name=name)
    return {name: reasons[name] for name in names if name in reasons}
