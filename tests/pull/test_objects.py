"""One container, one node: conditional writes, short answers, marks, a goodbye, events."""

import pytest

# Of the first container in a new store: revision 1 is the store's own.
FIRST = 2
MINIMAL = {"Prefer": "return=minimal"}
DEMO = {
    "name": "a", "node": None, "image": "demo", "on_disconnect": "keep", "running": False,
    "created": FIRST, "revision": FIRST,
}  # fmt: skip


@pytest.fixture
def call(realms):
    return realms.admin


@pytest.fixture
def a(call):
    """A container `a`, at revision FIRST."""
    return call("POST", "/api/containers", json={"name": "a"})


def put(call, **headers):
    return call("PUT", "/api/containers/a", json={"image": "nginx"}, headers=headers)


def patch(call, **headers):
    return call("PATCH", "/api/containers/a", json={"node": "node1"}, headers=headers)


def delete(call, **headers):
    return call("DELETE", "/api/containers/a", headers=headers)


def image_and_node(call):
    answer = call("GET", "/api/containers/a")
    if answer.status_code == 404:
        return None
    return answer.json()["image"], answer.json()["node"]


def test_a_container_alone(a, call):
    answer = call("GET", "/api/containers/a")
    assert (answer.status_code, answer.json()) == (200, DEMO)
    assert answer.headers["ETag"] == f'"{FIRST}"'


def test_put_makes_a_container_and_then_replaces_what_is_wanted_and_not_where(call):
    made = put(call)
    assert (made.status_code, made.headers["ETag"]) == (201, f'"{FIRST}"')
    patch(call)
    body = {"image": "demo", "on_disconnect": "stop"}
    assert call("PUT", "/api/containers/a", json=body).status_code == 200
    assert call("GET", "/api/containers/a").json() == {
        **DEMO, "on_disconnect": "stop", "node": "node1", "revision": FIRST + 2,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/api/containers", {"name": "b"}, 201),
        ("PUT", "/api/containers/b", {}, 201),
        ("PUT", "/api/containers/a", {"image": "nginx"}, 200),
        ("PATCH", "/api/containers/a", {"node": "node1"}, 200),
    ],
)
def test_a_short_answer_has_the_changed_one_alone(a, call, method, path, body, status):
    answer = call(method, path, json=body, headers=MINIMAL)
    assert answer.status_code == status
    assert answer.headers["Preference-Applied"] == "return=minimal"
    one = answer.json()["container"]
    assert answer.json() == {"container": one, "revision": FIRST + 1}
    assert call("GET", f"/api/containers/{one['name']}").json() == one
    assert answer.headers["ETag"] == f'"{one["revision"]}"'


def test_a_short_answer_to_a_deletion(a, call):
    answer = delete(call, **MINIMAL)
    assert (answer.status_code, answer.json()) == (200, {"container": None, "revision": FIRST + 1})


def test_without_the_preference_the_answer_is_the_seeds(a):
    assert a.json() == {"containers": [DEMO], "revision": FIRST}
    assert "Preference-Applied" not in a.headers


@pytest.mark.parametrize("write", [put, patch, delete])
@pytest.mark.parametrize("condition", [f'"{FIRST}"', "*"])
def test_a_condition_that_holds(a, call, write, condition):
    assert write(call, **{"If-Match": condition}).status_code == 200
    assert image_and_node(call) != ("demo", None)


@pytest.mark.parametrize("write", [put, patch, delete])
@pytest.mark.parametrize("condition", [f'"{FIRST + 1}"', '"0"'])
def test_a_condition_that_does_not_hold_changes_nothing(a, call, write, condition):
    answer = write(call, **{"If-Match": condition})
    assert answer.status_code == 412
    assert f"revision {FIRST}" in answer.json()["error"]
    assert answer.json()["hint"]
    assert image_and_node(call) == ("demo", None)


@pytest.mark.parametrize("write", [put, patch, delete])
@pytest.mark.parametrize("condition", [f'"{FIRST}"', "*"])
def test_a_condition_on_what_does_not_exist(call, write, condition):
    assert write(call, **{"If-Match": condition}).status_code == 412
    assert image_and_node(call) is None


@pytest.mark.parametrize("write", [put, patch, delete])
def test_a_condition_that_makes_no_sense_changes_nothing(a, call, write):
    assert write(call, **{"If-Match": ""}).status_code == 400
    assert image_and_node(call) == ("demo", None)


def test_put_only_what_is_new(call):
    assert put(call, **{"If-None-Match": "*"}).status_code == 201
    answer = call("PUT", "/api/containers/a", json={}, headers={"If-None-Match": "*"})
    assert answer.status_code == 412
    assert image_and_node(call) == ("nginx", None)


def test_only_those_without_a_node(a, call):
    call("POST", "/api/containers", json={"name": "b", "node": "node1"})
    answer = call("GET", "/api/containers?unassigned=true")
    assert answer.json() == {"containers": [DEMO], "revision": FIRST + 1}
    assert call("GET", "/api/containers?unassigned=maybe").status_code == 400


def test_a_node_alone(realms, call):
    assert call("GET", "/api/nodes/node1").status_code == 404
    assert call("PATCH", "/api/nodes/node1", json={"cordoned": True}).status_code == 404
    realms.node("POST", "/api/nodes/node1/heartbeat")
    call("POST", "/api/containers", json={"name": "a", "node": "node1"})
    answer = call("GET", "/api/nodes/node1")
    (listed,) = call("GET", "/api/nodes").json()["nodes"]
    assert answer.json() == {**listed, "containers": ["a"]}
    assert answer.headers["ETag"] == f'"{listed["revision"]}"'


def test_marks_of_a_node(realms, call):
    def marks(body, **headers):
        answer = call("PATCH", "/api/nodes/node1", json=body, headers=headers)
        fields = answer.json()
        return answer.status_code, fields.get("cordoned"), fields.get("draining")

    realms.node("POST", "/api/nodes/node1/heartbeat")
    first = call("GET", "/api/nodes/node1").headers["ETag"]
    assert marks({"draining": True}, **{"If-Match": first}) == (200, True, True)
    assert marks({"cordoned": False}, **{"If-Match": first})[0] == 412
    assert marks({"draining": False}) == (200, True, False)
    assert marks({"cordoned": False}) == (200, False, False)
    assert marks({"cordoned": False, "draining": True})[0] == 400
    assert marks({})[0] == 400


def report(realms, node, *names):
    running = [{"name": name, "image": "demo", "ready": True} for name in names]
    revision = realms.node("GET", f"/api/containers?node={node}").json()["revision"]
    body = {"revision": revision, "running": running, "boot": "b1"}
    return realms.node("POST", f"/api/nodes/{node}/heartbeat", json=body)


def test_a_node_that_leaves_is_told_what_runs_elsewhere(realms, call):
    for name in ("a", "b"):
        call("POST", "/api/containers", json={"name": name, "node": "node1"})
    report(realms, "node1", "a", "b")
    leaving = realms.node("POST", "/api/nodes/node1/leaving", json={"boot": "b1"})
    assert leaving.json() == {"status": "leaving", "elsewhere": [], "waiting": ["a", "b"]}
    assert call("GET", "/api/nodes/node1").json()["leaving"] is True
    report(realms, "node1", "a", "b")
    assert call("GET", "/api/nodes/node1").json()["leaving"] is True, "of the same boot"


def test_a_second_machine_of_one_name_is_refused_with_a_hint(realms):
    body = {"revision": 0, "running": [], "boot": "b1", "uptime_s": 60}
    assert realms.node("POST", "/api/nodes/node1/heartbeat", json=body).status_code == 200
    for method, path, other in (
        ("POST", "heartbeat", {**body, "boot": "b2"}),
        ("GET", "desired?boot=b2", None),
        ("POST", "leaving", {"boot": "b2", "uptime_s": 60}),
    ):
        answer = realms.node(method, f"/api/nodes/node1/{path}", json=other)
        assert answer.status_code == 409
        assert "another machine speaks as node 'node1'" in answer.json()["error"]
        assert "lab forget node1" in answer.json()["hint"]
    assert realms.node("GET", "/api/nodes/node1/desired?boot=b1").status_code == 200
    long = realms.node("GET", f"/api/nodes/node1/desired?boot={'b' * 37}")
    assert long.status_code == 400


def test_a_node_that_must_not_run_something_twice_does_not_wait_for_it(realms, call):
    body = {"name": "a", "node": "node1", "on_disconnect": "stop"}
    call("POST", "/api/containers", json=body)
    report(realms, "node1", "a")
    leaving = realms.node("POST", "/api/nodes/node1/leaving?wait=20", json={"boot": "b1"})
    assert leaving.json() == {"status": "leaving", "elsewhere": [], "waiting": []}


def test_what_was_taken_off_a_node_that_leaves_is_waited_for_if_it_says_so(realms, call):
    call("POST", "/api/containers", json={"name": "a", "node": "node1"})
    report(realms, "node1", "a")
    call("PATCH", "/api/containers/a", json={"node": None})
    for waiting, awaited in ([], []), (["a", "gone"], ["a"]):
        body = {"boot": "b1", "waiting": waiting}
        answer = realms.node("POST", "/api/nodes/node1/leaving", json=body)
        assert answer.json() == {"status": "leaving", "elsewhere": [], "waiting": awaited}
    refused = realms.node("POST", "/api/nodes/node1/leaving", json={"waiting": ["../a"]})
    assert refused.status_code == 400


def test_what_is_deleted_is_not_waited_for(realms, call):
    call("POST", "/api/containers", json={"name": "a", "node": "node1"})
    report(realms, "node1", "a")
    realms.store.leave("node1", "b1")
    delete(call)
    leaving = realms.node("POST", "/api/nodes/node1/leaving?wait=20")
    assert leaving.json()["waiting"] == []


def test_events_after_a_revision(a, call):
    patch(call)
    page = call("GET", "/api/events").json()
    assert [(e["kind"], e["subject"], e["node"]) for e in page["events"]] == [
        ("wanted", "a", ""), ("placed", "a", "node1"),
    ]  # fmt: skip
    assert (page["revision"], page["oldest"], page["truncated"]) == (FIRST + 1, FIRST, False)
    later = call("GET", f"/api/events?since={FIRST}").json()["events"]
    assert later == page["events"][1:]
    assert call("GET", "/api/events?since=x").status_code == 400
