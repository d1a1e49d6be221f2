import contextlib
import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core import wire, wire_nodes
from services.core.errors import BadName, BadShape, LabError, UnknownImage
from services.core.model import Assignment, Container, Health, Node, Placed, Placement, UnitState
from tests.core.strategies import assignments, node_lists, observed_maps, placed_lists

junk: st.SearchStrategy[object] = st.sampled_from(
    [None, True, -1, 10**30, 1.5, float("nan"), "", "a b", "é", [], [1], {}]
)
PLACED = [Placed(Container("a"), "node1")]
ASSIGNMENT = Assignment("e", 1, (Container("a"),))
REPORT = wire.Report({"a": UnitState("demo", ready=True)}, 1)
AT = "2026-01-01T00:00:00+00:00"
NODE = wire_nodes.dump_node(Node("n", 0.5, Health.SUSPECT), AT, ["a"])
# Every reader, with a document that it takes.
READERS = [
    pytest.param(load, body, id=load.__name__)
    for load, body in [
        (wire.load_container, {"name": "a", "node": "node1", "image": "demo"}),
        (wire.load_node, {"node": "node1"}),
        (wire.load_patch, wire.dump_patch(Placement("a", "node1", "because"))),
        (wire.load_placed, wire.dump_placed(PLACED, {"a": "node1"}, 1)),
        (wire.load_running, wire.dump_placed(PLACED, {"a": "node1"}, 1)),
        (wire.load_assignment, wire.dump_assignment(ASSIGNMENT)),
        (wire.load_beat, wire.dump_beat(ASSIGNMENT)),
        (wire.load_report, wire.dump_report(REPORT)),
        (wire_nodes.load_nodes, wire_nodes.dump_nodes([NODE], 1.0, 3.0)),
    ]
]


def places(document):
    """Every (container, key) inside of `document`, itself a container."""
    items = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in list(items):
        yield document, key
        if isinstance(value, dict | list):
            yield from places(value)


def over_the_wire(document):
    return json.loads(json.dumps(document))


@given(placed_lists)
def test_a_listing_survives_the_wire(placed):
    running = {item.name: item.node for item in placed if item.node}
    body = over_the_wire(wire.dump_placed(placed, running, 7))
    assert wire.load_placed(body) == tuple(placed)
    assert wire.load_running(body) == running.keys()


@given(assignments)
def test_an_assignment_survives_the_wire_alone_and_with_a_beat(assignment):
    assert wire.load_assignment(over_the_wire(wire.dump_assignment(assignment))) == assignment
    assert wire.load_beat(over_the_wire(wire.dump_beat(assignment))) == assignment


@given(observed_maps, st.integers(0))
def test_a_report_survives_the_wire(running, revision):
    report = wire.Report(running, revision)
    assert wire.load_report(over_the_wire(wire.dump_report(report))) == report


@given(node_lists)
def test_nodes_survive_the_wire(nodes):
    body = over_the_wire(
        wire_nodes.dump_nodes(
            [wire_nodes.dump_node(node, AT, []) for node in nodes], 12.5, 3.0, ["n9"]
        )
    )
    assert wire_nodes.load_nodes(body) == wire_nodes.NodeList(tuple(nodes), 12.5, 3.0, ("n9",))


@pytest.mark.parametrize("node", [None, "node2"])
def test_a_decision_survives_the_wire_with_its_reason(node):
    patch = wire.load_patch(over_the_wire(wire.dump_patch(Placement("a", node, "because"))))
    assert (patch.node, patch.reason) == (node, "because")


def test_a_whole_number_is_one_however_json_writes_it():
    assert wire.load_report({"revision": 7.0, "running": []}).revision == 7


def test_the_patch_of_the_seed_has_no_reason():
    assert wire.load_patch({"node": None}) == wire.Patch(None, "")


def test_the_answer_to_a_beat_of_a_server_that_sends_nothing_along():
    assert wire.load_beat({"status": "ok"}) is None


def test_the_seed_reads_plain_names_and_up_or_down():
    assignment = Assignment("e", 1, (Container("a"), Container("b", "nginx")))
    assert wire.dump_assignment(assignment)["containers"] == ["a", "b"]
    suspect = wire_nodes.dump_node(Node("n", 2.0, Health.SUSPECT), AT, [])
    assert suspect["status"] == "up"


def test_a_container_counts_as_running_only_where_it_was_placed():
    placed = [Placed(Container("a"), "node1"), Placed(Container("b"), None)]
    body = wire.dump_placed(placed, {"a": "node2", "b": "node1"}, 1)
    assert not wire.load_running(body)


@pytest.mark.parametrize(("load", "body"), READERS)
@given(data=st.data())
def test_a_document_with_junk_anywhere_is_taken_or_refused_with_an_error_of_ours(load, body, data):
    load(body)
    spoiled = copy.deepcopy({"root": body})
    inside, key = data.draw(st.sampled_from(list(places(spoiled))))
    inside[key] = data.draw(junk)
    with contextlib.suppress(LabError):
        load(spoiled["root"])


@pytest.mark.parametrize(
    ("load", "body", "error"),
    [
        pytest.param(wire.load_container, [], BadShape, id="a list is no container"),
        pytest.param(wire.load_container, {}, BadShape, id="a container needs a name"),
        pytest.param(wire.load_container, {"name": 3}, BadShape, id="a name is text"),
        pytest.param(wire.load_container, {"name": "a b"}, BadName, id="and a label"),
        pytest.param(
            wire.load_container, {"name": "a", "node": "../x"}, BadName, id="so is a node"
        ),
        pytest.param(
            wire.load_container, {"name": "a", "image": "sh"}, UnknownImage, id="images are known"
        ),
        pytest.param(wire.load_patch, {}, BadShape, id="a patch without a node says nothing"),
        pytest.param(
            wire.load_assignment,
            {"containers": ["../../etc"], "epoch": "e", "revision": 1},
            BadName,
            id="an agent checks names again: they become units",
        ),
        pytest.param(
            wire.load_assignment, {"containers": []}, BadShape, id="an answer without a revision"
        ),
        pytest.param(
            wire.load_assignment,
            {"containers": [], "epoch": "e", "revision": True},
            BadShape,
            id="true is not a revision",
        ),
        pytest.param(
            wire.load_report,
            {"revision": 1, "running": [{"name": "a", "image": None}]},
            BadShape,
            id="a report names images",
        ),
        pytest.param(
            wire_nodes.load_nodes,
            {"nodes": [{"name": "a", "silent_s": -1}], "uptime_s": 1, "lease_s": 1},
            BadShape,
            id="silence is not negative",
        ),
        pytest.param(
            wire_nodes.load_nodes,
            {"nodes": [], "uptime_s": 1, "lease_s": 1, "awaited": ["../x"]},
            BadName,
            id="who is awaited has a name",
        ),
    ],
)
def test_refused(load, body, error):
    with pytest.raises(error):
        load(body)


def test_ready_is_true_and_nothing_else():
    body = {"revision": 0, "running": [{"name": "a", "image": "demo", "ready": 1}]}
    assert wire.load_report(body).running == {"a": UnitState("demo", ready=False)}
