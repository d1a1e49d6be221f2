"""A container with on_disconnect STOP never runs twice: the rule, in one place.

It is placed only while no node can be running it. A node cannot be running it when the node
  * said so: it reported after it had acted on its newest assignment, and the report did not name
    the container; or
  * is lost: silent for longer than a lease and the stop margin. Its agent stops such containers
    when its own lease has run out, which is earlier (services/core/profiles.py).
Because of this rule the container may be taken off a live node at any time. It is taken off a
silent node only when that node is lost, so that a short silence moves nothing.
"""

from collections.abc import Iterable

from services.core.messages import NodeList

RUNS = "{node} still runs it"
UNSURE = "{node} has not yet said what it runs"


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
    settled = {node.name for node in seen.nodes if node.settled}
    alive = {node for node, silence_s in silent_s.items() if not lost(silence_s, seen)}
    unsure = sorted(alive - settled)
    if unsure:
        return dict.fromkeys(names, UNSURE.format(node=unsure[0]))
    where = {name: node for node, name in sorted(seen.running) if node in alive}
    return {name: RUNS.format(node=where[name]) for name in names if name in where}
