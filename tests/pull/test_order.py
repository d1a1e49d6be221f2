"""Every route checks names, then the body, then conditions: all routes of the document."""

import jsonschema_rs
import pytest

from tests.openapi import document, operations, resolved

PULL = document("pull")
OPERATIONS = operations(resolved(PULL, PULL))
NAMED = [route for route in OPERATIONS if "{" in route[1]]
# A body that fits, for each route that takes one.
BODIES: dict[tuple[str, str], dict[str, object]] = {
    ("POST", "/api/containers"): {"name": "a"},
    ("PUT", "/api/containers/{name}"): {},
    ("PATCH", "/api/containers/{name}"): {"node": "node1"},
    ("PATCH", "/api/nodes/{node}"): {"draining": False},
    ("POST", "/api/nodes/{node}/heartbeat"): {"revision": 0, "running": []},
    ("POST", "/api/nodes/{node}/leaving"): {},
    ("POST", "/api/nodes/{node}/down"): {"silent_s": 0},
}
CONDITIONS = [{}, {"If-Match": "*"}, {"If-Match": '"99"'}]


def schema_of(route):
    return OPERATIONS[route]["requestBody"]["content"]["application/json"]["schema"]


def fields_of(schema):
    parts = [schema, *schema.get("anyOf", ())]
    return sorted({name for part in parts for name in part.get("properties", ())})


FIELDS = [(*route, field) for route in BODIES for field in fields_of(schema_of(route))]


def send(realms, route, name="a", headers=None, **more):
    method, path = route
    url = path.replace("{name}", name).replace("{node}", name)
    return realms.admin(method, url, headers=headers or {}, **more)


def refused(answer):
    assert answer.status_code == 400, answer.text
    assert answer.json()["hint"]
    return answer.json()


def test_a_body_is_known_for_every_route_that_takes_one():
    assert set(BODIES) == {route for route, one in OPERATIONS.items() if "requestBody" in one}
    for route, body in BODIES.items():
        jsonschema_rs.validate(schema_of(route), body)


@pytest.mark.parametrize("headers", CONDITIONS, ids=str)
@pytest.mark.parametrize("route", NAMED, ids=" ".join)
@pytest.mark.parametrize("name", ["%C2%84", "a%20b", "%24(reboot)", "a" * 64, "na%C3%AFve", "A"])
def test_a_name_is_checked_before_anything_else(real, route, name, headers):
    for body in (BODIES.get(route), None):
        refusal = refused(send(real, route, name, headers, json=body))
        assert "is not an RFC 1123 label" in refusal["error"]
        assert "lower-case letters, digits and hyphens" in refusal["hint"]


@pytest.mark.parametrize("headers", CONDITIONS[1:], ids=str)
@pytest.mark.parametrize("body", [b"{", b"[]", b'{"node": 1, "image": 1, "cordoned": 1}'], ids=str)
@pytest.mark.parametrize("route", [r for r in BODIES if r[0] in ("PUT", "PATCH")], ids=" ".join)
def test_a_body_is_checked_before_a_condition(real, route, body, headers):
    refused(send(real, route, "absent", {"Content-Type": "application/json", **headers}, data=body))


@pytest.mark.parametrize(("method", "path", "field"), FIELDS, ids=str)
def test_null_is_refused_where_the_document_does_not_allow_it(real, method, path, field):
    route = (method, path)
    body = {**BODIES[route], field: None}
    answer = send(real, route, "nulls", json=body)
    if jsonschema_rs.is_valid(schema_of(route), body):
        assert answer.status_code != 400, answer.text
    else:
        refused(answer)
