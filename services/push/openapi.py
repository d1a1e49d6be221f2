"""The OpenAPI document of the push API, as data. tests/push keep it true."""

from services.core.catalogue import IMAGES
from services.web.openapi import (
    COUNT,
    LABEL,
    NODE,
    TEXT,
    answer,
    document,
    many,
    maybe,
    operation,
    ref,
    thing,
)

_STATUSES = ["started", "already_running", "stopped"]
_SCHEMAS = {
    "Order": thing(
        {
            "name": LABEL,
            "node": maybe(NODE),
            "image": {"type": "string", "enum": list(IMAGES)},
        },
        optional=["node", "image"],
    ),
    "Outcome": thing(
        {
            "status": {"type": "string", "enum": _STATUSES},
            "container": LABEL,
            "node": NODE,
            "unreachable": {**many(NODE), "description": "Nodes that could not be looked at."},
        }
    ),
    "Running": thing(
        {
            "total": COUNT,
            "containers": many(thing({"name": LABEL, "node": NODE})),
            "unreachable": many(NODE),
        }
    ),
    "Nodes": thing(
        {
            "nodes": many(
                thing(
                    {
                        "name": LABEL,
                        "status": {"type": "string", "enum": ["up", "unreachable"]},
                        "running": many(LABEL),
                        "error": TEXT,
                    }
                )
            )
        }
    ),
}
_ORDER_FAILS = [404, 409, 502, 503]
_OUTCOME = ref("Outcome")

DOCUMENT = document(
    "push",
    "The imperative control plane: each order is carried out over SSH at once, and forgotten.",
    {
        "/container/start": {
            "post": operation(
                "Start a container, on the node named or on the one whose turn it is.",
                {
                    200: answer("A node runs that name already.", _OUTCOME),
                    201: answer("It serves.", _OUTCOME),
                },
                body=ref("Order"),
                refused=_ORDER_FAILS,
            )
        },
        "/container/stop": {
            "post": operation(
                "Stop a container, on the node named or on the one that runs it.",
                {200: answer("It is gone.", _OUTCOME)},
                body=ref("Order"),
                refused=_ORDER_FAILS,
            )
        },
        "/containers": {
            "get": operation(
                "What runs, read live from the nodes.",
                {200: answer("What the nodes that answer run.", ref("Running"))},
            )
        },
        "/nodes": {
            "get": operation(
                "Which nodes answer right now, and why the others do not.",
                {200: answer("All of them.", ref("Nodes"))},
            )
        },
    },
    _SCHEMAS,
)
