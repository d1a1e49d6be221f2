"""A container with on_disconnect STOP never runs twice: the rule, in one place.

It is placed only while no node can be running it. A node can be running it if its last report
named it, or if it was taken off that node and the node has not said since that it knows: the server
remembers that, also over its own restarts. Then one must wait until the node
  * says what it runs after it has acted on a newer assignment; or
  * is lost: silent for longer than a lease and the stop margin. Its agent stops such containers
    when its own lease has run out, which is earlier (services/core/profiles.py). But only if the
    agent was told that it must, and said so: what it never heard, it does not do. For such a node
    only a person can decide that it is dead (`lab forget`).
Because of this rule the container may be taken off a live node at any time. It is taken off a
silent node only when that node is lost, so that a short silence moves nothing.
"""

from collections.abc import Iterable

from services.core.messages import NodeList

RUNS = "{node} still runs it"
UNSURE = "{node} has not yet said that it stopped it"
UNHEARD = "{node} never heard that {name} must stop; lab forget {node} if it is dead"


def lost(silent_s: float, seen: NodeList) -> bool:
    """Whether a node that is silent for `silent_s` has stopped its STOP containers by now.

    Silence counts from the start of the server at the earliest: the server does not know what it
    answered just before a restart.
    """
    return silent_s > seen.lease_s + seen.stop_margin_s


def blocked(names: Iterable[str], seen: NodeList) -> dict[str, str]:
    """Return those of `names` that may still run, or start, on some node: name -> reason.

    seen: the nodes, read after the containers. Total function; it never raises.
    """
    silent_s = dict.fromkeys(seen.awaited, seen.uptime_s)
    silent_s |= {node.name: node.silent_s for node in seen.nodes}
    alive = {node for node, silence_s in silent_s.items() if not lost(silence_s, seen)}
    reasons: dict[str, str] = {}
    for reason, pairs in ((RUNS, seen.running), (UNSURE, seen.left)):
        found = {name: node for node, name in sorted(pairs) if node in alive}
        reasons |= {name: reason.format(node=node) for name, node in found.items()}
    for node, name in sorted(seen.unheard):
        if node not in alive:
            reasons[name] = UNHEARD.format(node=node, name=name)
    return {name: reasons[name] for name in names if name in reasons}
