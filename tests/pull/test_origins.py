"""A web page of another site changes nothing at the state server, in either realm."""

import pytest

from tests.serving import token_of

FOREIGN = [
    {"Host": "evil.example"},
    {"Host": "evil.example:8081"},
    {"Origin": "http://evil.example"},
    {"Sec-Fetch-Site": "cross-site"},
]
REQUESTS = [
    ("POST", "/api/nodes/ghost/heartbeat"),
    ("POST", "/api/nodes/ghost/leaving"),
    ("GET", "/api/nodes/ghost/desired"),
    ("GET", "/api/containers"),
    ("DELETE", "/api/containers/web"),
    ("GET", "/healthz"),
]


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
@pytest.mark.parametrize(("method", "path"), REQUESTS)
def test_the_admin_realm_refuses_it(real, method, path, headers):
    answer = real.admin(method, path, headers=headers)
    assert answer.status_code == (421 if "Host" in headers else 403)
    assert answer.json()["hint"]
    assert real.admin("GET", "/api/nodes").json()["nodes"] == []


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
@pytest.mark.parametrize("path", ["heartbeat", "leaving", "desired"])
def test_so_does_the_node_realm_with_a_good_token(real, path, headers):
    method = "GET" if path == "desired" else "POST"
    headers = {"Authorization": f"Bearer {token_of('node1')}", **headers}
    answer = real.node._client(method, f"/api/nodes/node1/{path}", headers=headers)
    assert answer.status_code == (421 if "Host" in headers else 403)
    assert real.admin("GET", "/api/nodes").json()["nodes"] == []
