"""Nothing that a client sends costs more than its own request: 4xx, a hint, nothing lost."""

import json
import socket
import time

import pytest

JSON = {"Content-Type": "application/json"}
NAMES: list[object] = [
    "../x", "a b", "$(reboot)", "a" * 64, "naïve", "", "Nginx", "-a", None, 3, ["a"], {},
]  # fmt: skip
BODIES = [
    pytest.param(b"{", id="cut short"),
    pytest.param(b"", id="empty"),
    pytest.param(b"name=nginx", id="not JSON"),
    pytest.param(b'["nginx"]', id="a list"),
    pytest.param(b'"nginx"', id="a string"),
    pytest.param(b"null", id="null"),
    pytest.param(b"\xff\xfe", id="not UTF-8"),
    pytest.param(b"[" * 20_000, id="deeply nested"),
    pytest.param(b"{}", id="without a name or a node"),
]


@pytest.fixture
def realms(real):
    return real


@pytest.fixture(autouse=True)
def untouched(realms):
    """Every test here: what was declared before is still there after, and the server answers."""
    realms.admin("POST", "/api/containers", json={"name": "keep", "node": "node1"})
    yield
    assert realms.placed() == {"keep": "node1"}


def refused(answer, status=400):
    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.json()["error"]
    assert answer.json()["hint"]


@pytest.mark.parametrize("name", NAMES, ids=repr)
def test_names_that_are_no_labels(realms, name):
    refused(realms.admin("POST", "/api/containers", json={"name": name}))
    if name is not None:
        refused(realms.admin("POST", "/api/containers", json={"name": "b", "node": name}))
        refused(realms.admin("PATCH", "/api/containers/keep", json={"node": name}))


@pytest.mark.parametrize("name", ["a%20b", "%24(reboot)", "a" * 64, "na%C3%AFve", "A"])
def test_nodes_with_names_that_are_no_labels(realms, name):
    refused(realms.node("POST", f"/api/nodes/{name}/heartbeat"))
    refused(realms.node("POST", f"/api/nodes/{name}/leaving"))
    refused(realms.node("GET", f"/api/nodes/{name}/desired"))
    refused(realms.node("GET", f"/api/containers?node={name}"))
    refused(realms.admin("GET", f"/api/containers?node={name}"))


@pytest.mark.parametrize("body", BODIES)
def test_bodies_that_are_no_containers(realms, body):
    refused(realms.admin("POST", "/api/containers", data=body, headers=JSON))
    refused(realms.admin("PATCH", "/api/containers/keep", data=body, headers=JSON))
    if body:
        refused(realms.node("POST", "/api/nodes/node1/heartbeat", data=body, headers=JSON))


@pytest.mark.parametrize(
    "report",
    [
        {"revision": -1, "running": []},
        {"revision": 0},
        {"revision": 0, "running": ["a"]},
        {"revision": 0, "running": [{"name": "../x", "image": "demo"}]},
    ],
    ids=json.dumps,
)
def test_a_report_that_cannot_be_read_is_not_half_taken(realms, report):
    refused(realms.node("POST", "/api/nodes/node1/heartbeat", json=report))
    assert realms.admin("GET", "/api/nodes").json()["nodes"] == []


def test_an_image_that_is_not_in_the_catalogue(realms):
    refused(realms.admin("POST", "/api/containers", json={"name": "b", "image": "alpine"}))


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_another_content_type(realms, content_type):
    body, headers = b'{"name": "b"}', {"Content-Type": content_type}
    refused(realms.admin("POST", "/api/containers", data=body, headers=headers), 415)


@pytest.mark.parametrize("size", [100_000, 10_000_000])
def test_a_body_that_is_too_large(realms, size):
    body = b'{"name": "b", "x": "' + b"x" * size + b'"}'
    refused(realms.admin("POST", "/api/containers", data=body, headers=JSON), 413)


def test_a_report_that_is_too_large(realms):
    body = b" " * 2_000_000
    refused(realms.node("POST", "/api/nodes/node1/heartbeat", data=body, headers=JSON), 413)


def test_a_node_with_very_many_containers_is_alive(realms):
    running = [{"name": f"{n:063}", "image": "demo", "ready": True} for n in range(3000)]
    report = {"revision": 1, "running": running}
    assert realms.node("POST", "/api/nodes/node1/heartbeat", json=report).status_code == 200
    (node,) = realms.admin("GET", "/api/nodes").json()["nodes"]
    assert len(node["running"]) == 3000


def test_what_is_not_even_http_gets_an_answer_in_json(realms):
    with socket.create_connection(realms.address, timeout=10) as client:
        client.sendall(b"GET /\x00 nonsense\r\n\r\n")
        answer = b"".join(iter(lambda: client.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]


def test_idle_and_slow_clients_block_nobody(realms):
    idle = [socket.create_connection(realms.address, timeout=10) for _ in range(50)]
    for client in idle[:25]:
        client.sendall(b"POST /api/containers HTTP/1.1\r\nContent-Length: 100\r\n\r\n{")
    begun = time.monotonic()
    assert realms.admin("GET", "/healthz").status_code == 200
    # Not a measure of speed: a blocked server answers when the idle clients give up, in 30 s.
    assert time.monotonic() - begun < 15
    for client in idle:
        client.close()
