"""The wire contract of the seed, field by field, and what we added to it."""

from datetime import datetime


def declare(realms, name, **fields):
    return realms.admin("POST", "/api/containers", json={"name": name, **fields})


def seed_fields(answer):
    """The fields of a listing that the seed's clients read."""
    return [(item["name"], item["node"]) for item in answer.json()["containers"]]


def test_declare_list_place_remove(realms):
    answer = declare(realms, "nginx")
    assert (answer.status_code, seed_fields(answer)) == (201, [("nginx", None)])
    answer = realms.admin("GET", "/api/containers")
    assert (answer.status_code, seed_fields(answer)) == (200, [("nginx", None)])
    answer = realms.admin("PATCH", "/api/containers/nginx", json={"node": "node1"})
    assert (answer.status_code, seed_fields(answer)) == (200, [("nginx", "node1")])
    answer = realms.admin("PATCH", "/api/containers/nginx", json={"node": None})
    assert (answer.status_code, seed_fields(answer)) == (200, [("nginx", None)])
    answer = realms.admin("DELETE", "/api/containers/nginx")
    assert (answer.status_code, seed_fields(answer)) == (200, [])


def test_declaring_again_changes_nothing_and_answers_the_same(realms):
    declare(realms, "nginx", node="node1")
    answer = declare(realms, "nginx", node="node2", image="nginx")
    assert (answer.status_code, seed_fields(answer)) == (201, [("nginx", "node1")])


def test_a_node_reads_plain_names(realms):
    realms.node("POST", "/api/nodes/node1/heartbeat")
    declare(realms, "b", node="node1")
    declare(realms, "a", node="node1", image="nginx")
    revision = realms.admin("GET", "/api/containers/a").json()["revision"]
    declare(realms, "c", node="node2")
    for realm in (realms.admin, realms.node):
        body = realm("GET", "/api/containers?node=node1").json()
        assert body["containers"] == ["a", "b"]
        assert body["images"] == {"a": "nginx", "b": "demo"}
        assert body["revision"] == revision, "of the last change that concerned this node"
        assert body["epoch"]


def test_a_beat_without_a_body_makes_a_node_known(realms):
    answer = realms.node("POST", "/api/nodes/node1/heartbeat")
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")
    (node,) = realms.admin("GET", "/api/nodes").json()["nodes"]
    assert (node["name"], node["status"]) == ("node1", "up")
    assert datetime.fromisoformat(node["last_heartbeat"]).tzinfo is not None


def test_a_beat_brings_the_assignment_along(realms):
    declare(realms, "a", node="node1")
    beat = realms.node("POST", "/api/nodes/node1/heartbeat").json()
    assert beat["assignment"] == realms.node("GET", "/api/containers?node=node1").json()


def test_silence_beyond_the_lease_is_down_and_a_beat_is_up_again(realms):
    def status():
        return realms.admin("GET", "/api/nodes").json()["nodes"][0]["status"]

    realms.node("POST", "/api/nodes/node1/heartbeat")
    realms.clock.now_s += 3.0
    assert status() == "up"
    realms.clock.now_s += 0.1
    assert status() == "down"
    realms.node("POST", "/api/nodes/node1/heartbeat")
    assert status() == "up"


def test_a_report_makes_a_container_run(realms):
    declare(realms, "a", node="node1")
    running = [{"name": "a", "image": "demo", "ready": True}]
    realms.node("POST", "/api/nodes/node1/heartbeat", json={"revision": 1, "running": running})
    assert realms.admin("GET", "/api/containers").json()["containers"][0]["running"] is True
    assert realms.admin("GET", "/api/nodes").json()["nodes"][0]["running"] == ["a"]


def test_placing_what_does_not_exist_is_404(realms):
    answer = realms.admin("PATCH", "/api/containers/nginx", json={"node": "node1"})
    assert answer.status_code == 404
    assert answer.json()["hint"]


def test_placing_on_a_node_that_never_spoke_is_taken_as_the_seed_takes_it(realms):
    declare(realms, "a")
    answer = realms.admin("PATCH", "/api/containers/a", json={"node": "node9"})
    assert (answer.status_code, realms.placed()) == (200, {"a": "node9"})


def test_an_unknown_route_names_the_known_ones(realms):
    answer = realms.admin("GET", "/containers")
    assert answer.status_code == 404
    assert "/api/containers" in answer.json()["hint"]


def test_healthz(realms):
    assert realms.admin("GET", "/healthz").json() == {"status": "ok"}
    assert realms.admin("HEAD", "/healthz").status_code == 200


def test_a_node_has_the_address_of_its_last_sign_of_life(realms):
    def addresses():
        one = realms.admin("GET", "/api/nodes/node1").json()
        (listed,) = realms.admin("GET", "/api/nodes").json()["nodes"]
        return one["address"], listed["address"]

    realms.node("GET", "/api/nodes/node1/desired")
    assert addresses() == ("127.0.0.1", "127.0.0.1")
    realms.meters.addresses.clear()
    assert addresses() == ("", "")
    realms.node("POST", "/api/nodes/node1/heartbeat")
    assert addresses() == ("127.0.0.1", "127.0.0.1")
    realms.meters.addresses.clear()
    realms.node("POST", "/api/nodes/node1/leaving")
    assert addresses() == ("127.0.0.1", "127.0.0.1")


def test_a_refused_request_gives_nobody_an_address(realms):
    realms.node("POST", "/api/nodes/node9/heartbeat")
    assert realms.meters.addresses == {}


def test_a_node_that_was_found_dead_is_down_until_it_speaks(realms):
    def health():
        one = realms.admin("GET", "/api/nodes/node1").json()
        (listed,) = realms.admin("GET", "/api/nodes").json()["nodes"]
        assert (one["status"], one["health"]) == (listed["status"], listed["health"])
        return one["status"]

    def found_dead(silent_s):
        body = {"silent_s": silent_s}
        return realms.admin("POST", "/api/nodes/node1/down", json=body).status_code

    assert found_dead(0) == 404
    realms.node("POST", "/api/nodes/node1/heartbeat")
    realms.clock.now_s += 1.0
    assert found_dead(1.1) == 412
    assert health() == "up"
    assert found_dead(1.0) == 200
    assert health() == "down"
    realms.clock.now_s += 1.0
    assert health() == "down"
    realms.node("GET", "/api/nodes/node1/desired")
    assert health() == "up"
    assert realms.node("POST", "/api/nodes/node1/down", json={"silent_s": 0}).status_code == 403
