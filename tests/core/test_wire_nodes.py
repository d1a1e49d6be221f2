"""Nodes and events over the wire: there and back, and what is refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core import wire, wire_nodes
from services.core.errors import BadShape
from services.core.messages import EventPage, Marks
from services.core.model import STOP, Container, Health, Node
from tests.core.strategies import events, labels, marked_nodes, roll

AT = "2026-01-01T00:00:00+00:00"


def over_the_wire(document):
    return json.loads(json.dumps(document))


@given(marked_nodes)
def test_a_node_survives_the_wire_with_its_marks_and_its_revision(node):
    assert wire_nodes.load_node_status(over_the_wire(wire_nodes.dump_node(node, AT, []))) == node


@given(roll())
def test_all_nodes_survive_the_wire_with_what_they_run(seen):
    documents = [
        wire_nodes.dump_node(node, AT, sorted(name for on, name in seen.running if on == node.name))
        for node in seen.nodes
    ]
    left, unheard = (
        {node: [name for on, name in pairs if on == node] for node, _ in pairs}
        for pairs in (seen.left, seen.unheard)
    )
    body = wire_nodes.dump_nodes(
        documents, seen.uptime_s, seen.lease_s, seen.awaited, seen.stop_margin_s, left, unheard
    )
    assert wire_nodes.load_nodes(over_the_wire(body)) == seen


@given(st.lists(events, max_size=3), st.booleans())
def test_events_survive_the_wire(some, truncated):
    page = EventPage(tuple(some), 99, 1, truncated)
    assert wire_nodes.load_events(over_the_wire(wire_nodes.dump_events(page))) == page


@pytest.mark.parametrize(
    "marks", [Marks(True, None), Marks(False, None), Marks(None, True), Marks(True, True)], ids=str
)
def test_marks_survive_the_wire(marks):
    assert wire_nodes.load_marks(over_the_wire(wire_nodes.dump_marks(marks))) == marks


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({}, id="nothing is asked for"),
        pytest.param({"cordoned": 1}, id="a number is no mark"),
        pytest.param({"cordoned": False, "draining": True}, id="drains, yet takes containers"),
        pytest.param({"cordoned": False, "draining": None}, id="null is no mark"),
        pytest.param({"cordoned": None, "draining": True}, id="null is not a missing field"),
        pytest.param([], id="a list"),
    ],
)
def test_marks_that_mean_nothing_are_refused(body):
    with pytest.raises(BadShape) as error:
        wire_nodes.load_marks(body)
    assert error.value.hint


def test_a_server_that_says_nothing_of_marks_has_none():
    old = {"name": "n", "silent_s": 1, "status": "up"}
    assert wire_nodes.load_node_status(old) == Node("n", 1.0, Health.UP)


@pytest.mark.parametrize("mark", ["cordoned", "draining", "leaving"])
def test_a_marked_node_takes_no_containers(mark):
    node = Node("n", 0.0, Health.UP)
    assert node.takes_containers
    assert not node._replace(**{mark: True}).takes_containers


def test_a_put_names_policy_and_image_and_defaults_to_the_seeds_behaviour():
    assert wire.load_wanted("a", {}) == Container("a")
    body = {"image": "nginx", "on_disconnect": "stop"}
    assert wire.load_wanted("a", body) == Container("a", "nginx", STOP)
    with pytest.raises(BadShape, match="on_disconnect"):
        wire.load_wanted("a", {"on_disconnect": "restart"})


def test_a_boot_id_is_no_novel():
    assert wire.load_boot({"boot": "8d2f"}) == "8d2f"
    assert wire.load_boot({}) == ""
    with pytest.raises(BadShape, match="limit"):
        wire.load_boot({"boot": "x" * 37})


@given(st.lists(labels), st.lists(labels))
def test_the_answer_to_a_goodbye_survives_the_wire(elsewhere, waiting):
    document = over_the_wire(wire_nodes.dump_leaving(elsewhere, waiting))
    assert wire_nodes.load_leaving(document) == (tuple(elsewhere), tuple(waiting))
