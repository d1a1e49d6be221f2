"""The shapes of the pull API's JSON, for its OpenAPI document. services/core/wire*.py make them."""

from services.core.catalogue import IMAGES
from services.core.model import POLICIES, Health
from services.store import events
from services.web.openapi import COUNT, FLAG, LABEL, NODE, TEXT, Json, many, maybe, ref, thing

_IMAGE: Json = {"type": "string", "enum": list(IMAGES)}
_POLICY: Json = {
    "type": "string",
    "enum": list(POLICIES),
    "description": "What becomes of it on a node that is cut off.",
}
_SECONDS: Json = {"type": "number", "minimum": 0}
_BOOT: Json = {"type": "string", "maxLength": 36, "description": "The kernel's id of this boot."}
_KINDS = [
    value
    for name, value in sorted(vars(events).items())
    if name.isupper() and isinstance(value, str)
]
_READY: Json = {"description": "true: it said that it serves; all else: it did not, yet."}
_NO: Json = {"const": False}
_NODE: Json = {
    "name": LABEL,
    "status": {"type": "string", "enum": ["up", "down"]},
    "last_heartbeat": TEXT,
    "health": {"type": "string", "enum": [one.value for one in Health]},
    "silent_s": _SECONDS,
    "running": many(LABEL),
    "cordoned": FLAG,
    "draining": FLAG,
    "leaving": FLAG,
    "settled": FLAG,
    "revision": COUNT,
}

SCHEMAS: Json = {
    "Order": thing(
        {"name": LABEL, "node": maybe(NODE), "image": _IMAGE, "on_disconnect": _POLICY},
        optional=["node", "image", "on_disconnect"],
    ),
    "Wanted": thing(
        {"image": _IMAGE, "on_disconnect": _POLICY}, optional=["image", "on_disconnect"]
    ),
    "Placement": thing({"node": maybe(NODE), "reason": TEXT}, optional=["reason"]),
    "Container": thing(
        {
            "name": LABEL,
            "node": maybe(NODE),
            "image": _IMAGE,
            "on_disconnect": _POLICY,
            "running": FLAG,
            "revision": COUNT,
        }
    ),
    "Containers": thing({"containers": many(ref("Container")), "revision": COUNT}),
    "Changed": thing(
        {
            "container": {"anyOf": [ref("Container"), {"type": "null"}]},
            "revision": COUNT,
        },
        description="The answer to Prefer: return=minimal; null for what was deleted.",
    ),
    "Assignment": thing(
        {
            "containers": many(LABEL),
            "images": {"type": "object", "additionalProperties": _IMAGE},
            "on_disconnect": {"type": "object", "additionalProperties": _POLICY},
            "revision": COUNT,
            "epoch": TEXT,
            "lease_s": _SECONDS,
        }
    ),
    "Node": thing(_NODE),
    "OneNode": thing({**_NODE, "containers": many(LABEL)}),
    "Nodes": thing(
        {
            "nodes": many(ref("Node")),
            "uptime_s": _SECONDS,
            "lease_s": _SECONDS,
            "stop_margin_s": _SECONDS,
            "awaited": many(LABEL),
        }
    ),
    "Marks": {
        "anyOf": [
            thing({"cordoned": {"const": True}, "draining": FLAG}, optional=["draining"]),
            thing({"cordoned": {"const": False}, "draining": _NO}, optional=["draining"]),
            thing({"draining": FLAG}),
        ]
    },
    "Report": thing(
        {
            "revision": COUNT,
            "boot": _BOOT,
            "running": many(
                thing({"name": LABEL, "image": TEXT, "ready": _READY}, optional=["ready"])
            ),
        },
        optional=["boot"],
    ),
    "Boot": thing({"boot": _BOOT}, optional=["boot"]),
    "Beat": thing({"status": {"const": "ok"}, "assignment": ref("Assignment")}),
    "Leaving": thing(
        {"status": {"const": "leaving"}, "elsewhere": many(LABEL), "waiting": many(LABEL)}
    ),
    "Events": thing(
        {
            "events": many(
                thing(
                    {
                        "revision": COUNT,
                        "at": TEXT,
                        "monotonic_s": _SECONDS,
                        "kind": {"type": "string", "enum": _KINDS},
                        "subject": TEXT,
                        "node": TEXT,
                        "reason": TEXT,
                    }
                )
            ),
            "revision": COUNT,
            "oldest": COUNT,
            "truncated": FLAG,
        }
    ),
}  # fmt: skip
