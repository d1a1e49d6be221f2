"""What nodes say of themselves, what is said of them, and what their silence means."""

import pytest

from services.core.model import Container, Health, UnitState
from services.state import signs
from services.state.keys import Conflict
from services.state.said import Said
from tests.state.conftest import LEASE_S, TERMS, reopen, told

READY = {"a": UnitState("demo", ready=True)}


def test_only_the_first_beat_of_a_node_is_written(store, disk):
    store.beat("node1", {})
    asked = disk.asked
    store.beat("node1", READY)
    store.alive("node1")
    store.leave("node1", "boot")
    assert disk.asked == asked


def test_a_beat_makes_a_node_known_and_silence_takes_it_down(store, clock):
    store.beat("node2", None)
    clock.now_s += 1
    store.beat("node1", None)
    clock.now_s += LEASE_S - 0.5
    heard, _, uptime_s, *_ = store.nodes()
    assert [(node.name, node.silent_s, node.health) for node, _ in heard] == [
        ("node1", 2.5, Health.SUSPECT),
        ("node2", 3.5, Health.DOWN),
    ]
    assert uptime_s == 3.5


def test_who_ever_spoke_is_awaited_after_a_restart_until_it_speaks(store, tmp_path, clock):
    store.beat("node1", None)
    store.beat("node2", None)
    again = reopen(tmp_path, clock)
    assert again.nodes().awaited == ("node1", "node2")
    again.beat("node2", None)
    assert again.nodes().awaited == ("node1",)


def test_who_is_awaited_is_down_after_a_lease_and_not_before(store, tmp_path, clock):
    store.beat("node1", None)
    again = reopen(tmp_path, clock)
    version = again.version("nodes")
    assert again.node("node1")[0].health is Health.SUSPECT
    clock.now_s += LEASE_S
    again.judge()
    assert again.version("nodes") == version
    clock.now_s += 0.1
    again.judge()
    again.judge()
    assert told(again, version) == [("node-down", "node1", "node1")]
    assert again.node("node1")[0].health is Health.DOWN
    assert again.node("node1")[0].revision == again.version("nodes") > version


def test_a_node_lives_though_its_name_cannot_be_written(store, tmp_path, clock, disk):
    disk.full = True
    store.beat("node1", None)
    assert [node.name for node, _ in store.nodes().heard] == ["node1"]
    disk.full = False
    store.beat("node1", None)
    assert reopen(tmp_path, clock).nodes().awaited == ("node1",)


@pytest.mark.parametrize(
    ("node", "state", "running"),
    [
        pytest.param("node1", UnitState("demo", ready=True), True, id="ready where it was put"),
        pytest.param("node1", UnitState("demo", ready=False), False, id="started, not ready"),
        pytest.param("node1", UnitState("nginx", ready=True), False, id="from another image"),
        pytest.param("node2", UnitState("demo", ready=True), False, id="on another node"),
    ],
)
def test_running_is_what_the_right_node_says(store, node, state, running):
    store.declare(Container("a"), "node1")
    store.beat(node, {"a": state})
    assert store.listing().running == ({"a": "node1"} if running else {})
    assert store.running_on("a") == ("node1" if running else None)
    assert store.stats().running == running


def test_running_is_forgotten_with_the_lease(store, clock):
    store.declare(Container("a"), "node1")
    store.beat("node1", READY)
    clock.now_s += LEASE_S
    assert store.listing().running == {"a": "node1"}
    assert store.running_on("a") == "node1"
    version = store.version("containers")
    clock.now_s += 0.1
    assert store.running_on("a") is None
    store.judge()
    assert store.listing().running == {}
    assert store.listing().version > version


def test_a_beat_without_a_report_keeps_the_last_report(store):
    store.declare(Container("a"), "node1")
    store.beat("node1", READY)
    store.beat("node1", None)
    assert store.listing().running == {"a": "node1"}
    store.beat("node1", {})
    assert store.listing().running == {}


def test_what_a_node_says_is_told_with_the_reason(store, clock):
    store.beat("node1", {})
    store.beat("node1", READY)
    store.beat("node1", {"a": UnitState("nginx", ready=True)})
    store.beat("node1", {"a": UnitState("nginx", ready=False)})
    clock.now_s += 3.25
    store.judge()
    store.beat("node1", READY)
    store.leave("node1", "boot1")
    store.beat("node1", {}, "boot2")
    assert [(event.kind, event.reason) for event in store.events(0).events] == [
        ("node-up", "first heard of; 0 containers ready there"),
        ("running", "the node reports it ready (demo)"),
        ("running", "the node reports it ready (nginx)"),
        ("stopped", "the node reports it ready no more"),
        ("node-down", "node is silent for 3.2 s (lease 3 s)"),
        ("node-up", "back after 3.2 s"),
        ("running", "the node reports it ready (demo)"),
        ("node-leaving", "said that it leaves"),
        ("node-up", "does not leave, or is back"),
        ("stopped", "the node reports it ready no more"),
    ]
    assert store.events(0).events[4].monotonic_s == clock.now_s


def test_silence_is_told_once_and_judging_says_when_to_come_back(store, clock):
    assert store.judge() == LEASE_S
    store.beat("node1", None)
    clock.now_s += 1
    store.beat("node2", None)
    assert store.judge() == pytest.approx(LEASE_S - 1, abs=0.01)
    clock.now_s += store.judge()
    assert store.judge() == pytest.approx(1, abs=0.01)
    assert told(store)[2:] == [("node-down", "node1", "node1")]
    version = store.version("nodes")
    clock.now_s += 0.5
    store.judge()
    assert store.version("nodes") == version


def test_a_node_is_settled_when_it_reported_under_what_holds_for_it(store):
    store.declare(Container("a"), "node1")
    store.beat("node1", {})
    assert not store.node("node1")[0].settled
    store.beat("node1", READY, "", store.assignment("node1").revision)
    assert store.node("node1")[0].settled
    store.beat("node1", None)
    store.declare(Container("b"), "node2")
    assert store.node("node1")[0].settled
    store.declare(Container("c"), "node1")
    assert not store.node("node1")[0].settled


def test_stats_count_what_there_is(store, clock):
    store.declare(Container("a"), "node1")
    store.declare(Container("b"), None)
    store.beat("node2", None)
    clock.now_s += LEASE_S + 1
    store.beat("node1", READY)
    store.judge()
    stats = store.stats()
    assert (stats.containers, stats.placed, stats.running) == (2, 1, 1)
    assert (stats.nodes_up, stats.nodes_down) == (1, 1)
    assert stats.events == len(store.events(0).events)
    assert stats.of_keys["file_bytes"] > 0
    assert stats.revision == store.events(0).revision


@pytest.mark.parametrize(
    "decide",
    [
        lambda view: signs.hear(view, "node1", Said(), TERMS),
        lambda view: signs.leave(view, "node1", Said(boot="boot"), TERMS),
    ],
    ids=["a sign of life", "a goodbye again"],
)
def test_what_was_decided_before_a_report_does_not_take_it_back(store, decide):
    store.beat("node1", {})
    store.leave("node1", "boot")
    plan = decide(store._view)
    store.beat("node1", {"a": UnitState("demo", ready=False)}, "boot")
    with pytest.raises(Conflict):
        store._keys.commit(plan.compare, plan.write)
