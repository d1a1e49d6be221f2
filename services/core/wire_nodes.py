"""Nodes and events, JSON to model and back: the other half of wire.py.

Apart from it because an agent needs none of this, and imports are paid in every pass.
"""

from collections.abc import Mapping, Sequence

from services.core.errors import BadShape
from services.core.fields import Json, as_object, count, flag, labels, objects, seconds, text
from services.core.messages import EventPage as EventPage
from services.core.messages import Marks as Marks
from services.core.messages import NodeList as NodeList
from services.core.model import Event, Health, Node

_NONE: Mapping[str, Sequence[str]] = {}


def dump_node(node: Node, last_heartbeat: str, running: Sequence[str]) -> Json:
    """One node. last_heartbeat: ISO 8601 in UTC. A suspect still counts as up on the wire."""
    return {
        "name": node.name,
        "status": "down" if node.health is Health.DOWN else "up",
        "last_heartbeat": last_heartbeat,
        "health": node.health.value,
        "silent_s": round(node.silent_s, 3),
        "running": list(running),
        "cordoned": node.cordoned,
        "draining": node.draining,
        "leaving": node.leaving,
        "settled": node.settled,
        "address": node.address,
        "hold_s": node.hold_s,
        "revision": node.revision,
    }


def dump_nodes(
    nodes: Sequence[Json],
    uptime_s: float,
    lease_s: float,
    awaited: Sequence[str] = (),
    stop_margin_s: float = 0.0,
    left: Mapping[str, Sequence[str]] = _NONE,
    unheard: Mapping[str, Sequence[str]] = _NONE,
    hold_s: float | None = None,
) -> Json:
    """All nodes, each as dump_node, with what the node controller must know of the server.

    left, unheard: node -> containers, see NodeList; hold_s, too.
    """
    return {
        "nodes": list(nodes),
        "uptime_s": round(uptime_s, 3),
        "lease_s": lease_s,
        "stop_margin_s": stop_margin_s,
        "hold_s": hold_s,
        "awaited": list(awaited),
        "left": {node: list(names) for node, names in left.items()},
        "unheard": {node: list(names) for node, names in unheard.items()},
    }


def load_nodes(body: object) -> NodeList:
    """The inverse of dump_nodes and dump_node."""
    fields = as_object(body)
    margin_s = seconds(fields, "stop_margin_s") if "stop_margin_s" in fields else 0.0
    nodes = objects(fields, "nodes")
    return NodeList(
        tuple(load_node_status(item) for item in nodes),
        seconds(fields, "uptime_s"),
        seconds(fields, "lease_s"),
        tuple(labels(fields, "awaited", "node")),
        margin_s,
        frozenset(
            (text(item, "name"), name)
            for item in nodes
            for name in labels(item, "running", "container")
        ),
        _pairs(fields, "left"),
        _pairs(fields, "unheard"),
        _hold_s(fields),
    )


def load_node_status(body: object) -> Node:
    """The inverse of dump_node, without what runs there."""
    fields = as_object(body)
    return Node(
        text(fields, "name"),
        seconds(fields, "silent_s"),
        _health(fields),
        cordoned=flag(fields, "cordoned") is True,
        draining=flag(fields, "draining") is True,
        leaving=flag(fields, "leaving") is True,
        revision=count(fields, "revision") if "revision" in fields else 0,
        settled=flag(fields, "settled") is True,
        address=text(fields, "address") if "address" in fields else "",
        hold_s=_hold_s(fields),
    )


def load_marks(body: object) -> Marks:
    """Return what a PATCH of a node asks for."""
    fields = as_object(body)
    marks = Marks(flag(fields, "cordoned"), flag(fields, "draining"))
    if marks == Marks(None, None):
        raise BadShape(
            "neither 'cordoned' nor 'draining' is there", hint="""send {"cordoned": true}"""
        )
    if marks == Marks(False, True):
        raise BadShape(
            "a node that drains is cordoned, too", hint="""send {"draining": true} alone"""
        )
    return marks


def dump_marks(marks: Marks) -> Json:
    """The PATCH that asks for `marks`."""
    return {key: value for key, value in marks._asdict().items() if value is not None}


def dump_silence(silent_s: float) -> Json:
    """What the node controller says of a node that is down: for how long it was silent."""
    return {"silent_s": round(silent_s, 3)}


def load_silence(body: object) -> float:
    """The inverse of dump_silence."""
    return seconds(as_object(body), "silent_s")


def dump_leaving(elsewhere: Sequence[str], waiting: Sequence[str]) -> Json:
    """The answer to a goodbye: which containers of the node run elsewhere now, and which do not."""
    return {"status": "leaving", "elsewhere": list(elsewhere), "waiting": list(waiting)}


def load_leaving(body: object) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The inverse of dump_leaving: elsewhere, waiting."""
    fields = as_object(body)
    elsewhere, waiting = (
        tuple(labels(fields, key, "container")) for key in ("elsewhere", "waiting")
    )
    return elsewhere, waiting


def load_waiting(body: object) -> tuple[str, ...]:
    """Return the containers that a goodbye names: they were taken off the node meanwhile."""
    fields = as_object(body)
    return tuple(labels(fields, "waiting", "container")) if "waiting" in fields else ()


def dump_events(page: EventPage) -> Json:
    """A page of events."""
    return {
        "events": [event._asdict() for event in page.events],
        "revision": page.revision,
        "oldest": page.oldest,
        "truncated": page.truncated,
    }


def load_events(body: object) -> EventPage:
    """The inverse of dump_events."""
    fields = as_object(body)
    events = tuple(
        Event(
            count(item, "revision"),
            text(item, "at"),
            seconds(item, "monotonic_s"),
            *(text(item, key) for key in ("kind", "subject", "node", "reason")),
        )
        for item in objects(fields, "events")
    )
    truncated = flag(fields, "truncated") is True
    return EventPage(events, count(fields, "revision"), count(fields, "oldest"), truncated)


def _pairs(fields: Json, key: str) -> frozenset[tuple[str, str]]:
    by_node = as_object(fields.get(key, {}))
    return frozenset(
        (node, name) for node in by_node for name in labels(by_node, node, "container")
    )


def _hold_s(fields: Json) -> float | None:
    return None if fields.get("hold_s") is None else seconds(fields, "hold_s")


def _health(fields: Json) -> Health:
    if fields.get("status") == "down":
        return Health.DOWN
    return Health.SUSPECT if fields.get("health") == Health.SUSPECT.value else Health.UP
