"""The push API as a curl sees it: real servers and real HTTP, over nodes in memory."""

import pytest


def start(call, name, **more):
    return call("POST", "/container/start", json={"name": name, **more})


def test_first_start_answers_201_with_the_seeds_three_fields(call):
    answer = start(call, "nginx")
    assert answer.status_code == 201
    seed = {"status": "started", "container": "nginx", "node": "node1"}
    assert answer.json() | seed == answer.json()


def test_nine_starts_take_turns_on_all_nodes(call, runner):
    for number in range(1, 10):
        assert start(call, f"nginx{number}").status_code == 201
    assert [len(names) for names in runner.active.values()] == [3, 3, 3]
    listed = call("GET", "/containers").json()
    assert listed["total"] == 9
    assert {"name": "nginx5", "node": "node2"} in listed["containers"]
    assert listed["unreachable"] == []


def test_named_node_gets_the_container_and_costs_nobody_a_turn(call):
    assert start(call, "a", node="node3").json()["node"] == "node3"
    assert start(call, "b").json()["node"] == "node1"


def test_second_start_finds_the_container_on_whatever_node_it_is(call, runner):
    start(call, "nginx", node="node2")
    for more in ({}, {}, {"node": "node2"}, {"node": "node3"}):
        answer = start(call, "nginx", **more)
        assert answer.status_code == 200
        assert (answer.json()["status"], answer.json()["node"]) == ("already_running", "node2")
    assert [name for names in runner.active.values() for name in names] == ["nginx"]


def test_busy_node_is_503_with_a_hint(call, runner):
    runner.busy.add("node1")
    answer = start(call, "a")
    assert answer.status_code == 503
    assert "node1 has been busy" in answer.json()["error"]
    assert answer.json()["hint"]


def test_unreachable_node_is_named_beside_what_the_others_run(call, runner):
    start(call, "a", node="node1")
    start(call, "b", node="node2")
    runner.silent.add("node1")
    listed = call("GET", "/containers")
    assert listed.status_code == 200
    assert listed.json()["containers"] == [{"name": "b", "node": "node2"}]
    assert listed.json()["total"] == 1
    assert listed.json()["unreachable"] == ["node1"]
    first = call("GET", "/nodes").json()["nodes"]
    assert [(n["name"], n["status"], n["running"]) for n in first] == [
        ("node2", "up", ["b"]),
        ("node3", "up", []),
        ("node1", "unreachable", []),
    ]
    assert "no route" in first[2]["error"]


def test_start_on_an_unreachable_node_is_502_and_nobody_tries_elsewhere(call, runner):
    runner.silent.add("node1")
    answer = start(call, "a")
    assert answer.status_code == 502
    assert "node1" in answer.json()["error"]
    assert answer.json()["hint"]
    assert runner.orders == [("start", "node1", "a")]
    # The next order is a new order: it is the next node's turn, and the answer says who is silent.
    again = start(call, "a")
    assert (again.status_code, again.json()["node"]) == (201, "node2")
    assert again.json()["unreachable"] == ["node1"]


def test_container_that_does_not_come_up_is_502_with_its_last_words(call, runner):
    runner.failing.add("a")
    answer = start(call, "a")
    assert answer.status_code == 502
    assert "node1" in answer.json()["error"]
    assert "no port is free" in answer.json()["error"]
    assert "node1" in answer.json()["hint"]


def test_nothing_brings_back_what_vanished(call, runner):
    start(call, "a")
    runner.active["node1"].clear()
    runner.active["node2"]["fake"] = "demo"
    assert call("GET", "/containers").json()["containers"] == [{"name": "fake", "node": "node2"}]
    assert runner.orders == [("start", "node1", "a")]


def test_image_reaches_the_node(call, runner):
    start(call, "web", image="nginx")
    assert runner.active["node1"] == {"web": "nginx"}


@pytest.mark.parametrize("more", [{}, {"node": "node2"}], ids=["anywhere", "named node"])
def test_stop_finds_the_container(call, runner, more):
    start(call, "a", node="node2")
    answer = call("POST", "/container/stop", json={"name": "a", **more})
    assert answer.status_code == 200
    stopped = {"status": "stopped", "container": "a", "node": "node2"}
    assert answer.json() | stopped == answer.json()
    assert not runner.active["node2"]


@pytest.mark.parametrize("more", [{}, {"node": "node1"}], ids=["anywhere", "named node"])
def test_stop_of_what_does_not_run_is_404(call, runner, more):
    runner.active["node2"]["b"] = "demo"
    answer = call("POST", "/container/stop", json={"name": "a", **more})
    assert answer.status_code == 404
    assert answer.json()["hint"]


@pytest.mark.parametrize("more", [{}, {"node": "node1"}], ids=["anywhere", "named node"])
def test_stop_of_what_is_still_starting_keeps_it_from_coming_up(call, runner, more):
    runner.slow.add("a")
    assert start(call, "a").status_code == 502
    assert call("GET", "/containers").json()["total"] == 0
    answer = call("POST", "/container/stop", json={"name": "a", **more})
    assert (answer.status_code, answer.json()["node"]) == (200, "node1")
    runner.come_up()
    assert call("GET", "/containers").json()["total"] == 0


@pytest.mark.parametrize("more", [{}, {"node": "node1"}, {"node": "node3"}], ids=str)
def test_a_start_that_was_given_up_is_found_by_the_next_and_waited_for(call, runner, more):
    runner.slow.add("a")
    assert start(call, "a").status_code == 502
    again = start(call, "a", **more)
    assert (again.status_code, "node1" in again.json()["error"]) == (502, True)
    runner.slow.clear()
    answer = start(call, "a", **more)
    assert (answer.status_code, answer.json()["node"]) == (201, "node1")
    assert {node for _, node, _ in runner.orders} == {"node1"}
    assert start(call, "a").status_code == 200


def test_what_runs_counts_before_what_is_starting(call, runner):
    runner.starting["node2"]["a"] = runner.active["node3"]["a"] = "demo"
    answer = start(call, "a")
    assert (answer.status_code, answer.json()["node"]) == (200, "node3")
    assert runner.orders == []


def test_stop_does_not_choose_between_what_runs_and_what_is_starting(call, runner):
    runner.starting["node1"]["a"] = runner.active["node3"]["a"] = "demo"
    assert call("POST", "/container/stop", json={"name": "a"}).status_code == 409
    assert runner.orders == []


def test_stop_does_not_choose_between_two_of_a_name(call, runner):
    runner.active["node1"]["a"] = runner.active["node3"]["a"] = "demo"
    answer = call("POST", "/container/stop", json={"name": "a"})
    assert answer.status_code == 409
    assert "node1 and node3" in answer.json()["error"]
    assert runner.orders == []


def test_stop_does_not_claim_absence_while_a_node_is_silent(call, runner):
    runner.silent.add("node3")
    answer = call("POST", "/container/stop", json={"name": "a"})
    assert answer.status_code == 502
    assert "node3" in answer.json()["error"]


@pytest.mark.parametrize("verb", ["start", "stop"])
def test_unknown_node_is_404_with_the_known_ones(call, runner, verb):
    answer = call("POST", f"/container/{verb}", json={"name": "a", "node": "node9"})
    assert answer.status_code == 404
    assert "node1, node2, node3" in answer.json()["hint"]
    assert runner.orders == []


def test_health_speaks_of_this_process_alone(call, runner):
    runner.silent.update(runner.names)
    assert call("GET", "/healthz").json() == {"status": "ok"}
