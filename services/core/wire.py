"""JSON to model and back: the only place that names JSON keys.

`dump_*` returns what json.dumps takes; `load_*` takes what json.loads returned, checks every
field and raises BadShape or BadName. Unknown fields are ignored on both sides: the contract
lets fields be added, never renamed or removed.
"""

from collections.abc import Iterable, Mapping

from services.core.catalogue import check_image
from services.core.errors import BadShape
from services.core.fields import EXAMPLE as EXAMPLE
from services.core.fields import Json as Json
from services.core.fields import as_object, choice, count, objects, seconds, text
from services.core.messages import Patch as Patch
from services.core.messages import Report as Report
from services.core.model import (
    DEFAULT_IMAGE,
    KEEP,
    POLICIES,
    Assignment,
    Container,
    Placed,
    Placement,
    UnitState,
)
from services.core.names import check_label

# Of a UUID, as Linux writes it.
_BOOT_LENGTH = 36


def load_container(body: object) -> tuple[Container, str | None]:
    """Return the container that a POST asks for and the node it names (None: any)."""
    fields = as_object(body)
    if "name" not in fields:
        raise BadShape("the field 'name' is missing", hint=EXAMPLE)
    name = check_label(text(fields, "name"), "container")
    return _container(name, fields), load_node(fields)


def load_wanted(name: str, body: object) -> Container:
    """Return the container that a PUT to `name` asks for."""
    return _container(check_label(name, "container"), as_object(body))


def load_node(body: object) -> str | None:
    """Return the value of the field 'node': a label, or None for none."""
    node = as_object(body).get("node")
    return None if node is None else check_label(node, "node")


def load_patch(body: object) -> Patch:
    """Return what a PATCH asks for; the public demonstration's clients send 'node' alone."""
    fields = as_object(body)
    if "node" not in fields:
        raise BadShape(
            "the field 'node' is missing", hint="""send {"node": "node1"} or {"node": null}"""
        )
    reason = text(fields, "reason") if "reason" in fields else ""
    return Patch(load_node(fields), reason)


def dump_patch(placement: Placement) -> Json:
    """The PATCH that writes `placement`."""
    return {"node": placement.node, "reason": placement.reason}


def dump_one(placed: Placed, running: Mapping[str, str]) -> Json:
    """One container. running: container name -> node that reported it ready within its lease."""
    return {
        "name": placed.name,
        "node": placed.node,
        "image": placed.container.image,
        "on_disconnect": placed.container.on_disconnect,
        "running": placed.node is not None and running.get(placed.name) == placed.node,
        "created": placed.container.created,
        "revision": placed.revision,
    }


def dump_placed(containers: Iterable[Placed], running: Mapping[str, str], revision: int) -> Json:
    """All containers, each as dump_one."""
    return {
        "containers": [dump_one(placed, running) for placed in containers],
        "revision": revision,
    }


def dump_changed(placed: Placed, running: Mapping[str, str], revision: int) -> Json:
    """The answer to a change with `Prefer: return=minimal`: not all containers, but this one."""
    return {"container": dump_one(placed, running), "revision": revision}


def load_placed(body: object) -> tuple[Placed, ...]:
    """The inverse of dump_placed, without who is running."""
    return tuple(
        Placed(
            _container(text(item, "name"), item)._replace(created=_created(item)),
            load_node(item),
            _revision(item),
        )
        for item in objects(body, "containers")
    )


def load_running(body: object) -> frozenset[str]:
    """The names that dump_placed marked as running."""
    return frozenset(
        text(item, "name") for item in objects(body, "containers") if item.get("running") is True
    )


def dump_assignment(assignment: Assignment) -> Json:
    """What one node must run: plain names, as the public demonstration's agents read them.

    The other fields say the rest, by name.
    """
    return {
        "containers": [container.name for container in assignment.containers],
        "images": {container.name: container.image for container in assignment.containers},
        "on_disconnect": {
            container.name: container.on_disconnect
            for container in assignment.containers
            if container.on_disconnect != KEEP
        },
        "created": {container.name: container.created for container in assignment.containers},
        "revision": assignment.revision,
        "epoch": assignment.epoch,
        "lease_s": assignment.lease_s,
    }


def load_assignment(body: object) -> Assignment:
    """The inverse of dump_assignment. Names are checked again: they become unit names here."""
    fields = as_object(body)
    names = fields.get("containers")
    images = fields.get("images", {})
    policies = fields.get("on_disconnect", {})
    created = fields.get("created", {})
    if not isinstance(names, list) or not all(
        isinstance(one, dict) for one in (images, policies, created)
    ):
        raise BadShape("an assignment needs 'containers': [names] and 'images': {name: image}")
    return Assignment(
        text(fields, "epoch"),
        count(fields, "revision"),
        tuple(
            Container(
                check_label(name, "container"),
                check_image(images.get(name, DEFAULT_IMAGE)),
                choice(policies, name, POLICIES),
                _created(created, name),
            )
            for name in names
        ),
        seconds(fields, "lease_s") if "lease_s" in fields else 0.0,
    )


def dump_report(report: Report) -> Json:
    """What an agent sends with its heartbeat."""
    return {
        "revision": report.revision,
        "boot": report.boot,
        "epoch": report.epoch,
        "uptime_s": round(report.uptime_s, 3),
        "running": [
            {"name": name, "image": state.image, "ready": state.ready, "created": state.created}
            for name, state in sorted(report.running.items())
        ],
    }


def dump_beat(assignment: Assignment) -> Json:
    """The answer to a heartbeat, with the assignment, which saves the agent a request."""
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
            text(item, "image"), item.get("ready") is True, created=_created(item)
        )
        for item in objects(fields, "running")
    }
    epoch = text(fields, "epoch") if "epoch" in fields else ""
    return Report(
        running, count(fields, "revision"), load_boot(fields), epoch, load_uptime_s(fields)
    )


def load_uptime_s(body: object) -> float:
    """Return the field 'uptime_s': since that boot; without the field it was just now."""
    fields = as_object(body)
    return seconds(fields, "uptime_s") if "uptime_s" in fields else 0.0


def load_boot(body: object) -> str:
    """Return the field 'boot': the kernel's id of a boot, or "" without the field."""
    fields = as_object(body)
    boot = text(fields, "boot") if "boot" in fields else ""
    if len(boot) > _BOOT_LENGTH:
        raise BadShape(
            f"the field 'boot' has {len(boot)} characters; the limit is {_BOOT_LENGTH}",
            hint="send the content of /proc/sys/kernel/random/boot_id",
        )
    return boot


def dump_error(error: str, hint: str = "") -> Json:
    """The body of every answer of either API that is not a success."""
    return {"error": error, "hint": hint}


def _container(name: str, fields: Json) -> Container:
    image = check_image(fields.get("image", DEFAULT_IMAGE))
    return Container(name, image, choice(fields, "on_disconnect", POLICIES))


def _created(fields: Json, key: str = "created") -> int:
    return count(fields, key) if key in fields else 0


def _revision(fields: Json) -> int:
    return count(fields, "revision") if "revision" in fields else 0
