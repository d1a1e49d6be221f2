"""What is said of nodes: that they leave, and how they are marked."""

import pytest

from services.core.errors import UnknownNode
from services.core.model import Container, Health, UnitState
from services.state import LimitReached, Limits
from tests.state.conftest import LEASE_S, reopen, told
from tests.states import open_state

READY = {"a": UnitState("demo", ready=True)}


@pytest.mark.parametrize(
    ("left_in", "then", "leaving"),
    [
        pytest.param("boot1", lambda s: s.beat("n", {}, "boot1"), True, id="beat of that boot"),
        pytest.param("boot1", lambda s: s.beat("n", {}, "boot2"), False, id="beat of another"),
        pytest.param("boot1", lambda s: s.beat("n", {}), False, id="beat of no boot"),
        pytest.param("boot1", lambda s: s.beat("n", None), False, id="a seed's beat"),
        pytest.param("", lambda s: s.beat("n", {}, ""), False, id="left in no boot, beat of none"),
        pytest.param("boot1", lambda s: s.alive("n"), True, id="a question that says no boot"),
        pytest.param("boot1", lambda s: s.leave("n", "boot1"), True, id="leaves once more"),
    ],
)
def test_a_node_leaves_until_it_speaks_in_another_boot(store, left_in, then, leaving):
    store.beat("n", {}, "boot1")
    store.leave("n", left_in)
    assert store.node("n")[0].leaving
    then(store)
    assert store.node("n")[0].leaving == leaving


def test_what_a_leaving_node_runs_serves_no_more(store):
    store.declare(Container("a"), "node1")
    store.beat("node1", READY, "boot1")
    store.leave("node1", "boot1")
    assert store.running_on("a") is None
    assert store.listing().running == {}
    store.beat("node1", READY, "boot1")
    assert store.running_on("a") is None
    store.beat("node1", READY, "boot2")
    assert store.running_on("a") == "node1"


def test_a_node_that_left_and_fell_silent_is_down_and_still_leaves(store, clock):
    store.leave("node1", "boot1")
    clock.now_s += LEASE_S + 1
    node, _ = store.node("node1")
    assert (node.health, node.leaving) == (Health.DOWN, True)
    store.beat("node1", {}, "boot2")
    node, _ = store.node("node1")
    assert (node.health, node.leaving) == (Health.UP, False)


@pytest.mark.parametrize(
    ("before", "asked", "after", "kind"),
    [
        pytest.param({}, {"cordoned": True}, (True, False), "cordoned", id="cordon"),
        pytest.param({}, {"draining": True}, (True, True), "draining", id="drain"),
        pytest.param(
            {"draining": True}, {"cordoned": False}, (False, False), "uncordoned", id="open"
        ),
        pytest.param({"draining": True}, {"draining": False}, (True, False), "cordoned", id="hold"),
        pytest.param({}, {"cordoned": False}, (False, False), None, id="open what is"),
        pytest.param(
            {"cordoned": True}, {"cordoned": True}, (True, False), None, id="cordon again"
        ),
        pytest.param({"draining": True}, {}, (True, True), None, id="nothing asked"),
    ],
)
def test_marks_of_a_node(store, tmp_path, clock, before, asked, after, kind):
    store.beat("node1", None)
    revision = store.mark("node1", **before).revision
    last = store.events(0).revision
    node = store.mark("node1", **asked)
    assert (node.cordoned, node.draining) == after
    assert (node.revision > revision) == (kind is not None)
    assert [item[0] for item in told(store, last)] == ([kind] if kind else [])
    again, _ = reopen(tmp_path, clock).node("node1")
    assert (again.cordoned, again.draining) == after
    assert again.revision > node.revision


def test_a_node_that_never_spoke_cannot_be_marked_or_asked_for(store, tmp_path, clock):
    store.beat("node1", None)
    store.declare(Container("a"), "node2")
    for unknown in (lambda: store.mark("node2", cordoned=True), lambda: store.node("node2")):
        with pytest.raises(UnknownNode) as caught:
            unknown()
        assert caught.value.known == ("node1",)
    # One that only spoke before the server started can.
    assert reopen(tmp_path, clock).mark("node1", cordoned=True).cordoned


def test_one_node_too_many_is_refused_and_the_others_go_on(tmp_path, clock):
    store = open_state(tmp_path, lease_s=LEASE_S, now_s=clock, limits=Limits(nodes=2))
    store.beat("node1", None)
    store.leave("node2", "")
    for more in (lambda: store.beat("node3", None), lambda: store.leave("node3", "")):
        with pytest.raises(LimitReached, match="2 nodes"):
            more()
    store.beat("node1", None)
    assert [node.name for node, _ in store.nodes().heard] == ["node1", "node2"]


def test_a_name_that_was_made_up_makes_room_once_it_is_down_and_holds_nothing(tmp_path, clock):
    """P5: of a hundred thousand names, the real nodes get in, and what is in use stays."""
    store = open_state(tmp_path, lease_s=LEASE_S, now_s=clock, limits=Limits(nodes=5))
    for name in ("made-up", "holds", "cordoned", "ran", "lives"):
        store.beat(name, READY if name == "ran" else {})
        clock.now_s += 0.1
    store.declare(Container("a"), "holds")
    store.mark("cordoned", cordoned=True)
    with pytest.raises(LimitReached):
        store.beat("node1", {})
    clock.now_s += LEASE_S + 1
    store.beat("lives", {})
    store.judge()
    store.beat("node1", {})
    assert told(store)[-2:] == [
        ("node-up", "node1", "node1"),
        ("node-forgotten", "made-up", "made-up"),
    ]
    assert {node.name for node, _ in store.nodes().heard} == {
        "holds", "cordoned", "ran", "lives", "node1",
    }  # fmt: skip
    with pytest.raises(LimitReached, match="5 nodes"):
        store.beat("made-up", {})


def test_the_limit_of_nodes_holds_while_no_name_can_be_written(tmp_path, clock, disk):
    limits = Limits(nodes=2)
    store = open_state(tmp_path, lease_s=LEASE_S, now_s=clock, offload=disk, limits=limits)
    disk.full = True
    store.beat("node1", None)
    store.beat("node2", None)
    with pytest.raises(LimitReached):
        store.beat("node3", None)
    store.beat("node2", None)
