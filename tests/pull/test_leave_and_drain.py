"""The whole pull mode, when a node is taken out of service on purpose."""


def test_a_drained_node_ends_empty_and_everything_runs_elsewhere(busy):
    busy.call("PATCH", "/api/nodes/node1", json={"draining": True})
    for _ in range(3):
        busy.second()
    assert busy.runs() == {"node1": [], "node2": ["a", "b"], "node3": ["c"]}
    busy.call("PATCH", "/api/nodes/node1", json={"cordoned": False})
    busy.declare("d")
    for _ in range(2):
        busy.second()
    assert busy.runs()["node1"] == ["d"]


def test_what_must_not_run_twice_never_does_while_its_node_is_drained(busy):
    busy.call("PUT", "/api/containers/a", json={"on_disconnect": "stop"})
    for _ in range(2):
        busy.second()
    busy.call("PATCH", "/api/nodes/node1", json={"draining": True})
    for _ in range(6):
        busy.second()
        assert [node for node, names in busy.runs().items() if "a" in names] in (
            ["node1"], [], ["node2"],
        )  # fmt: skip
    assert busy.runs() == {"node1": [], "node2": ["a", "b"], "node3": ["c"]}


def test_what_a_leaving_node_has_runs_elsewhere_before_it_stops_there(busy):
    busy.call("POST", "/api/nodes/node1/leaving", json={"boot": "b1"})
    for _ in range(3):
        busy.second("node1")
    assert busy.runs() == {"node1": ["a"], "node2": ["a", "b"], "node3": ["c"]}
    assert busy.running() == {"a": "node2", "b": "node2", "c": "node3"}
