"""JSON to model and back: the only place that names JSON keys.

`dump_*` returns what json.dumps takes; `load_*` takes what json.loads returned, checks every
field and raises BadShape or BadName. Unknown fields are ignored on both sides: the contract
lets fields be added, never renamed or removed.
"""

from collections.abc import Iterable, Mapping, Sequence

from services.core.catalogue import check_image
from services.core.errors import BadShape
from services.core.fields import EXAMPLE as EXAMPLE
from services.core.fields import Json as Json
from services.core.fields import as_object, count, labels, objects, seconds, text
from services.core.messages import NodeList as NodeList
from services.core.messages import Patch as Patch
from services.core.messages import Report as Report
from services.core.model import (
    DEFAULT_IMAGE,
    Assignment,
    Container,
    Health,
    Node,
    Placed,
    Placement,
    UnitState,
)
from services.core.names import check_label


def load_container(body: object) -> tuple[Container, str | None]:
    """Return the container that a POST asks for and the node it names (None: any)."""
    fields = as_object(body)
    if "name" not in fields:
        raise BadShape("the field 'name' is missing", hint=EXAMPLE)
    name = check_label(text(fields, "name"), "container")
    image = check_image(fields.get("image", DEFAULT_IMAGE))
    return Container(name, image), load_node(fields)


def load_node(body: object) -> str | None:
    """Return the value of the field 'node': a label, or None for none."""
    node = as_object(body).get("node")
    return None if node is None else check_label(node, "node")


def load_patch(body: object) -> Patch:
    """Return what a PATCH asks for; the seed's clients send 'node' alone."""
    fields = as_object(body)
    if "node" not in fields:
        raise BadShape(
            "the field 'node' is missing", hint="""send {"node": "node1"} or {"node": null}"""
        )
    reason = text(fields, "reason") if "reason" in fields else ""
    if_node = load_node({"node": fields.get("if_node")})
    return Patch(load_node(fields), reason, "if_node" in fields, if_node)


def dump_patch(placement: Placement, if_node: str | None) -> Json:
    """The PATCH that writes `placement`, unless the container is no longer on `if_node`."""
    return {"node": placement.node, "reason": placement.reason, "if_node": if_node}


def dump_placed(containers: Iterable[Placed], running: Mapping[str, str], revision: int) -> Json:
    """All containers. running: container name -> node that reported it ready within its lease."""
    return {
        "containers": [
            {
                "name": placed.name,
                "node": placed.node,
                "image": placed.container.image,
                "running": placed.node is not None and running.get(placed.name) == placed.node,
            }
            for placed in containers
        ],
        "revision": revision,
    }


def load_placed(body: object) -> tuple[Placed, ...]:
    """The inverse of dump_placed, without who is running."""
    return tuple(
        Placed(Container(text(item, "name"), _image(item)), load_node(item))
        for item in objects(body, "containers")
    )


def load_running(body: object) -> frozenset[str]:
    """The names that dump_placed marked as running."""
    return frozenset(
        text(item, "name") for item in objects(body, "containers") if item.get("running") is True
    )


def dump_assignment(assignment: Assignment) -> Json:
    """What one node must run: plain names as the seed's agents read them, and the rest beside."""
    return {
        "containers": [container.name for container in assignment.containers],
        "images": {container.name: container.image for container in assignment.containers},
        "revision": assignment.revision,
        "epoch": assignment.epoch,
    }


def load_assignment(body: object) -> Assignment:
    """The inverse of dump_assignment. Names are checked again: they become unit names here."""
    fields = as_object(body)
    names = fields.get("containers")
    images = fields.get("images", {})
    if not isinstance(names, list) or not isinstance(images, dict):
        raise BadShape("an assignment needs 'containers': [names] and 'images': {name: image}")
    return Assignment(
        text(fields, "epoch"),
        count(fields, "revision"),
        tuple(
            Container(check_label(name, "container"), check_image(images.get(name, DEFAULT_IMAGE)))
            for name in names
        ),
    )


def dump_report(report: Report) -> Json:
    """What an agent sends with its heartbeat."""
    return {
        "revision": report.revision,
        "running": [
            {"name": name, "image": state.image, "ready": state.ready}
            for name, state in sorted(report.running.items())
        ],
    }


def dump_beat(assignment: Assignment) -> Json:
    """The answer to a heartbeat: the seed's, and beside it what saves the agent a request."""
    return {"status": "ok", "assignment": dump_assignment(assignment)}


def load_beat(body: object) -> Assignment | None:
    """The inverse of dump_beat; None from a server that does not send the assignment along."""
    fields = as_object(body)
    return load_assignment(fields["assignment"]) if "assignment" in fields else None


def load_report(body: object) -> Report:
    """The inverse of dump_report."""
    fields = as_object(body)
    running = {
        check_label(text(item, "name"), "container"): UnitState(
            text(item, "image"), item.get("ready") is True
        )
        for item in objects(fields, "running")
    }
    return Report(running, count(fields, "revision"))


def dump_node(node: Node, last_heartbeat: str, running: Sequence[str]) -> Json:
    """One node. last_heartbeat: ISO 8601 in UTC. A suspect still counts as up on the wire."""
    return {
        "name": node.name,
        "status": "down" if node.health is Health.DOWN else "up",
        "last_heartbeat": last_heartbeat,
        "health": node.health.value,
        "silent_s": round(node.silent_s, 3),
        "running": list(running),
    }


def dump_nodes(
    nodes: Sequence[Json], uptime_s: float, lease_s: float, awaited: Sequence[str] = ()
) -> Json:
    """All nodes of dump_node, with what the node controller must know of the server itself."""
    return {
        "nodes": list(nodes),
        "uptime_s": round(uptime_s, 3),
        "lease_s": lease_s,
        "awaited": list(awaited),
    }


def load_nodes(body: object) -> NodeList:
    """The inverse of dump_nodes and dump_node."""
    fields = as_object(body)
    nodes = tuple(
        Node(text(item, "name"), seconds(item, "silent_s"), _health(item))
        for item in objects(fields, "nodes")
    )
    awaited = tuple(labels(fields, "awaited", "node"))
    return NodeList(nodes, seconds(fields, "uptime_s"), seconds(fields, "lease_s"), awaited)


def dump_running(pairs: Iterable[tuple[str, str]], unreachable: Sequence[str]) -> Json:
    """Push's list. pairs: (container, node) as read live from the nodes that answered."""
    containers = [{"name": name, "node": node} for name, node in pairs]
    return {
        "total": len(containers),
        "containers": containers,
        "unreachable": list(unreachable),
    }


def dump_started(status: str, container: str, node: str, unreachable: Sequence[str] = ()) -> Json:
    """Push's answer to start and stop. unreachable: nodes that could not be looked at."""
    return {
        "status": status,
        "container": container,
        "node": node,
        "unreachable": list(unreachable),
    }


def dump_reached(running: Mapping[str, Sequence[str]], errors: Mapping[str, str]) -> Json:
    """Push's nodes: those that answered with what runs there, then the others with why not."""
    up = [
        {"name": name, "status": "up", "running": list(names), "error": ""}
        for name, names in running.items()
    ]
    silent = [
        {"name": name, "status": "unreachable", "running": [], "error": error}
        for name, error in errors.items()
    ]
    return {"nodes": up + silent}


def dump_error(error: str, hint: str = "") -> Json:
    """Every answer that is not a success, of either API."""
    return {"error": error, "hint": hint}


def _image(fields: Json) -> str:
    return text(fields, "image") if "image" in fields else DEFAULT_IMAGE


def _health(fields: Json) -> Health:
    if fields.get("status") == "down":
        return Health.DOWN
    return Health.SUSPECT if fields.get("health") == Health.SUSPECT.value else Health.UP
