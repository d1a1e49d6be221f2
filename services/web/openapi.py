"""What the OpenAPI documents of both APIs share. Data alone: nothing here knows HTTP or Bottle."""

from collections.abc import Mapping, Sequence
from typing import Any

from services.lib.version import VERSION

Json = dict[str, Any]

# services/core/names.py, as JSON Schema writes it.
LABEL: Json = {
    "type": "string",
    "pattern": "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$",
    "description": "An RFC 1123 label.",
    "examples": ["nginx1"],
}
# Examples are what tests begin with; with a node that there is not they would all end in 404.
NODE: Json = {**LABEL, "examples": ["node1"]}
COUNT: Json = {"type": "integer", "minimum": 0}
FLAG: Json = {"type": "boolean"}
TEXT: Json = {"type": "string"}

_ERROR: Json = {
    "type": "object",
    "description": "Every answer that is not a success.",
    "properties": {
        "error": {"type": "string", "minLength": 1, "description": "What is wrong."},
        "hint": {"type": "string", "description": "What to do next; empty where nothing helps."},
    },
    "required": ["error", "hint"],
}
_REFUSALS = {
    400: "The request makes no sense: a body that is not JSON, a field or a name that cannot be.",
    401: "No valid token.",
    403: "Not for this caller.",
    404: "No such thing.",
    409: "Somebody else's doing is in the way.",
    412: "The condition of If-Match or If-None-Match does not hold.",
    413: "The body is too long.",
    414: "The URL is too long.",
    415: "The body is not declared as application/json.",
    429: "Too many requests at once.",
    500: "A bug, or a disk that does not work.",
    502: "A node did not do its part.",
    503: "Not now; try again.",
}


def document(title: str, description: str, paths: Json, schemas: Json) -> Json:
    """Return the OpenAPI document of one API.

    paths: path -> method -> `operation`, without what every API has: /healthz, /readyz, /metrics
    and /openapi.json are added.
    """
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": VERSION, "description": description},
        "paths": {**paths, **_COMMON},
        "components": {"schemas": {"Error": _ERROR, **schemas}, "headers": {"RequestId": _ID}},
    }


def operation(
    summary: str,
    answers: Mapping[int, Json],
    *,
    refused: Sequence[int] = (),
    body: Json | None = None,
    body_required: bool = True,
    parameters: Sequence[Json] = (),
) -> Json:
    """Return what one method of one path does.

    answers: status -> `answer`. refused: the statuses of its errors, beside those that every
    operation has (400, 414) and those of a body (413, 415). body: schema of the JSON it takes.
    """
    statuses = {400, 414, *refused} | ({413, 415} if body else set())
    refusals = {status: answer(_REFUSALS[status], ref("Error")) for status in statuses}
    made: Json = {"summary": summary}
    if parameters:
        made["parameters"] = list(parameters)
    if body:
        content = {"application/json": {"schema": body}}
        made["requestBody"] = {"required": body_required, "content": content}
    made["responses"] = {str(s): a for s, a in sorted({**refusals, **answers}.items())}
    return made


def answer(
    description: str, schema: Json | None = None, *, kind: str = "application/json", **headers: Json
) -> Json:
    """Return one answer of an operation. schema: of its body, None for none."""
    made: Json = {"description": description, "headers": {"X-Request-ID": _ID_REF, **headers}}
    if schema is not None:
        made["content"] = {kind: {"schema": schema}}
    return made


def header(description: str, schema: Json | None = None) -> Json:
    """Return a header of an answer, for `answer(..., ETag=header(...))`."""
    return {"description": description, "schema": schema or TEXT, "required": True}


def in_path(name: str, description: str) -> Json:
    """Return the parameter `{name}` of a path: a label."""
    return _parameter("path", name, description, LABEL, required=True)


def in_query(name: str, description: str, schema: Json = LABEL, *, required: bool = False) -> Json:
    """Return the query parameter `name`."""
    return _parameter("query", name, description, schema, required=required)


def in_header(name: str, description: str, schema: Json = TEXT) -> Json:
    """Return the request header `name`, which may be left out."""
    return _parameter("header", name, description, schema, required=False)


def ref(name: str) -> Json:
    """Return a reference to the schema `name` of this document."""
    return {"$ref": f"#/components/schemas/{name}"}


def thing(properties: Json, *, optional: Sequence[str] = (), description: str = "") -> Json:
    """Return the schema of an object. More fields may be added to it; none is taken away."""
    made: Json = {"type": "object", "properties": properties}
    made["required"] = [name for name in properties if name not in optional]
    return made | ({"description": description} if description else {})


def many(items: Json) -> Json:
    """Return the schema of a list of `items`."""
    return {"type": "array", "items": items}


def maybe(schema: Json) -> Json:
    """Return the schema of `schema`, which has one type and no enum, or null."""
    return {**schema, "type": [schema["type"], "null"]}


def routes(paths: Mapping[str, Mapping[str, Any]]) -> set[tuple[str, str]]:
    """Return (method, path) of every operation of a document, methods in capitals."""
    return {(method.upper(), path) for path, methods in paths.items() for method in methods}


def _parameter(place: str, name: str, description: str, schema: Json, *, required: bool) -> Json:
    return {
        "name": name,
        "in": place,
        "required": required,
        "description": description,
        "schema": schema,
    }


_ID_REF: Json = {"$ref": "#/components/headers/RequestId"}
_ID = header("Names this request in the log; the caller's own if it sent a sane one.", TEXT)
_STATUS = thing({"status": TEXT})
_COMMON: Json = {
    "/healthz": {"get": operation("Does the process answer?", {200: answer("Yes.", _STATUS)})},
    "/readyz": {
        "get": operation("Can it do its work?", {200: answer("Yes.", _STATUS)}, refused=[503])
    },
    "/metrics": {
        "get": operation(
            "Numbers in Prometheus' text format.",
            {200: answer("All of them.", TEXT, kind="text/plain")},
        )
    },
    "/openapi.json": {
        "get": operation("This document.", {200: answer("The document.", {"type": "object"})})
    },
}
