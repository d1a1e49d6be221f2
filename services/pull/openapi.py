"""The OpenAPI document of the pull API, as data. tests/pull keep it true.

One document for both realms: what nodes may do on the lab's network says so by its security.
"""

from services.pull.schemas import SCHEMAS
from services.web.openapi import (
    FLAG,
    NODE,
    Json,
    answer,
    document,
    header,
    in_header,
    in_path,
    in_query,
    operation,
    ref,
)

_NAME = in_path("name", "Of a container.")
_OF_NODE = {**in_path("node", "Of a node."), "schema": NODE}
_ETAG = header("Names this version; for If-None-Match, and of one object for If-Match.")
_SECONDS: Json = {"type": "number", "minimum": 0, "maximum": 60, "examples": [0]}
_REVISION: Json = {"type": "integer", "minimum": 0, "maximum": 10**18 - 1, "examples": [0]}
_MATCH: Json = {"type": "string", "examples": ["*"]}
_ANY: Json = {"type": "string", "examples": ['"none"']}
# Nothing on loopback; the token of a node on the lab's network.
_NODES_TOO: Json = {"security": [{}, {"node": []}]}

_WAIT = in_query("wait", "Seconds to wait for news, with If-None-Match.", _SECONDS)
_WATCH = [_WAIT, in_header("If-None-Match", "The ETag that is known already.", _ANY)]
_PREFER = in_header(
    "Prefer", "return=minimal: not the whole list, but what changed.",
    {"type": "string", "examples": ["return=minimal"]},
)  # fmt: skip
_IF_MATCH = in_header("If-Match", "ETag that the object must have; * if it must exist.", _MATCH)
_IF_NEW = in_header(
    "If-None-Match", "*: only if there is none of that name.", {"type": "string", "enum": ["*"]}
)
_UNCHANGED = answer("It is as the ETag says, still.", ETag=_ETAG)


def _watched(summary: str, schema: Json, *parameters: Json, refused: tuple[int, ...] = ()) -> Json:
    answers = {200: answer("As it is now.", schema, ETag=_ETAG), 304: _UNCHANGED}
    return operation(summary, answers, parameters=[*parameters, *_WATCH], refused=refused)


def _changed(*statuses: int) -> dict[int, Json]:
    either: Json = {"anyOf": [ref("Containers"), ref("Changed")]}
    return {status: answer("Done, and on disk.", either) for status in statuses}


_CONTAINERS: Json = {
    "get": {
        **_watched(
            "All containers; with ?node= what that node must run.",
            {"anyOf": [ref("Containers"), ref("Assignment")]},
            in_query("node", "The assignment of this node instead.", NODE),
            in_query("unassigned", "Only those without a node.", FLAG),
        ),
        **_NODES_TOO,
    },
    "post": operation(
        "Want a container. One that exists stays as it is.",
        _changed(201), body=ref("Order"), parameters=[_PREFER], refused=[409, 503],
    ),
}  # fmt: skip
_CONTAINER: Json = {
    "get": operation(
        "One container.", {200: answer("As it is now.", ref("Container"), ETag=_ETAG)},
        parameters=[_NAME], refused=[404],
    ),
    "put": operation(
        "Want a container to be like this; where it is placed stays.",
        _changed(200, 201), body=ref("Wanted"),
        parameters=[_NAME, _IF_MATCH, _IF_NEW, _PREFER], refused=[409, 412, 503],
    ),
    "patch": operation(
        "Put a container on a node, or on none.", _changed(200), body=ref("Placement"),
        parameters=[_NAME, _IF_MATCH, _PREFER], refused=[404, 412, 503],
    ),
    "delete": operation(
        "Want a container no longer.", _changed(200),
        parameters=[_NAME, _IF_MATCH, _PREFER], refused=[412, 503],
    ),
}  # fmt: skip
_NODE: Json = {
    "get": operation(
        "One node, and what is placed there.",
        {200: answer("As it is now.", ref("OneNode"), ETag=_ETAG)},
        parameters=[_OF_NODE], refused=[404],
    ),
    "patch": operation(
        "Cordon a node (it gets nothing new), drain it (it gives away what it has), or neither.",
        {200: answer("Done, and on disk.", ref("OneNode"), ETag=_ETAG)},
        body=ref("Marks"), parameters=[_OF_NODE, _IF_MATCH], refused=[404, 412, 503],
    ),
}  # fmt: skip
_BEAT = operation(
    "A sign of life, with what runs there if the agent says so.",
    {200: answer("Heard; with what the node must run.", ref("Beat"))},
    body=ref("Report"), body_required=False, parameters=[_OF_NODE], refused=[409],
)  # fmt: skip
_GOODBYE = operation(
    "The node shuts down; held until its containers run elsewhere, or ?wait= is over.",
    {200: answer("Heard.", ref("Leaving"))},
    body=ref("Boot"), body_required=False, parameters=[_OF_NODE, _WAIT], refused=[409],
)  # fmt: skip
_EVENTS = operation(
    "What happened after a revision; held while that is nothing, up to ?wait=.",
    {200: answer("Events, in order.", ref("Events"))},
    parameters=[in_query("since", "A revision.", _REVISION), _WAIT],
)

DOCUMENT = document(
    "pull",
    "The declarative control plane's state server. On loopback everything is allowed; on the "
    "lab's network only what has the security `node`, to each node about itself.",
    {
        "/api/containers": _CONTAINERS,
        "/api/containers/{name}": _CONTAINER,
        "/api/nodes": {"get": _watched("All nodes that spoke.", ref("Nodes"))},
        "/api/nodes/{node}": _NODE,
        "/api/nodes/{node}/desired": {
            "get": {
                **_watched("What a node must run.", ref("Assignment"), _OF_NODE, refused=(409,)),
                **_NODES_TOO,
            }
        },
        "/api/nodes/{node}/heartbeat": {"post": {**_BEAT, **_NODES_TOO}},
        "/api/nodes/{node}/leaving": {"post": {**_GOODBYE, **_NODES_TOO}},
        "/api/events": {"get": _EVENTS},
    },
    SCHEMAS,
)
DOCUMENT["components"]["securitySchemes"] = {
    "node": {"type": "http", "scheme": "bearer", "description": f"What {'/etc/lab/token'} holds."}
}
for _methods in DOCUMENT["paths"].values():
    for _operation in _methods.values():
        if "security" in _operation:
            for _status, _text in ((401, "No valid token."), (403, "Not about this node.")):
                _operation["responses"][str(_status)] = answer(_text, ref("Error"))
