"""Which topics a change moves: those that it concerns, and no others."""

import pytest

from services.core.model import Container, UnitState
from tests.state.conftest import LEASE_S
from tests.states import open_state

TOPICS = ["containers", "unassigned", "nodes", "node/node1", "node/node2", "events"]
READY = {"a": UnitState("demo", ready=True)}
FAKE = {"fake": UnitState("demo", ready=True)}


def silence(store, clock):
    """node1 says nothing for more than a lease, and node2 does."""
    clock.now_s += LEASE_S
    store.beat("node2", None)
    clock.now_s += 0.1
    store.judge()


def time_goes_by(store, clock):
    clock.now_s += LEASE_S - 0.1
    store.judge()


def change(does, moved, what):
    return pytest.param(does, set(moved.split()), id=what)


# On node1: a, ready there; nowhere: b.
CHANGES = [
    change(lambda s: s.declare(Container("c"), None), "containers unassigned", "declare"),
    change(lambda s: s.declare(Container("c"), "node1"), "containers node/node1", "declare there"),
    change(lambda s: s.put(Container("a", "nginx")), "containers node/node1", "put a placed one"),
    change(lambda s: s.put(Container("b", "nginx")), "containers unassigned", "put another"),
    change(lambda s: s.place("b", "node1", ""), "containers unassigned node/node1", "place"),
    change(lambda s: s.place("a", "node2", ""), "containers node/node1 node/node2", "move"),
    change(lambda s: s.place("a", None, ""), "containers unassigned node/node1", "unassign"),
    change(lambda s: s.remove("a"), "containers node/node1", "remove a placed one"),
    change(lambda s: s.remove("b"), "containers unassigned", "remove another"),
    change(lambda s: s.mark("node1", cordoned=True), "nodes", "cordon"),
    change(lambda s: s.beat("node1", {}), "containers", "a container stops"),
    change(lambda s: s.beat("node1", READY | FAKE), "containers", "a stray one starts"),
    change(lambda s: s.leave("node1", "boot"), "containers nodes", "leave"),
    change(lambda s: s.leave("node2", "boot"), "nodes", "leave with nothing"),
    change(lambda s: s.beat("node3", {}), "nodes", "a new node"),
    change(lambda s: s.beat("node3", READY), "containers nodes", "a new node that runs something"),
]
NO_CHANGES = {
    "the same report again": lambda store: store.beat("node1", dict(READY)),
    "a beat that reports nothing": lambda store: store.beat("node1", None),
    "place where it is": lambda store: store.place("a", "node1", ""),
}


@pytest.fixture
def lab(store):
    store.declare(Container("a"), "node1")
    store.declare(Container("b"), None)
    store.beat("node1", READY)
    store.beat("node2", {})
    return store


def moved_by(store, does):
    before = {topic: store._view.topics.version(topic) for topic in TOPICS}
    does()
    after = {topic: store._view.topics.version(topic) for topic in TOPICS}
    assert all(after[topic] >= before[topic] for topic in TOPICS)
    return {topic for topic in TOPICS if after[topic] != before[topic]}


@pytest.mark.parametrize(("does", "moved"), CHANGES)
def test_a_change_moves_the_topics_that_it_concerns(lab, does, moved):
    assert moved_by(lab, lambda: does(lab)) == moved | {"events"}


@pytest.mark.parametrize("does", NO_CHANGES.values(), ids=NO_CHANGES)
def test_what_changes_nothing_moves_nothing(lab, does):
    assert moved_by(lab, lambda: does(lab)) == set()


def test_silence_moves_topics_when_the_lease_is_over(lab, clock):
    assert moved_by(lab, lambda: time_goes_by(lab, clock)) == set()
    assert moved_by(lab, lambda: silence(lab, clock)) == {"containers", "nodes", "events"}


def test_what_stops_on_a_node_that_leaves_is_told(lab):
    lab.leave("node1", "boot")
    assert moved_by(lab, lambda: lab.beat("node1", {}, "boot")) == {"containers", "events"}


def test_versions_of_a_restarted_store_are_not_older_than_those_before(tmp_path, clock):
    store = open_state(tmp_path, lease_s=LEASE_S, now_s=clock)
    store.declare(Container("a"), "node1")
    store.beat("node1", READY)
    before = {topic: store.version(topic) for topic in TOPICS}
    store.close()
    again = open_state(tmp_path, lease_s=LEASE_S, now_s=clock)
    # What node1 runs is not known any more: watchers must look again.
    assert all(again.version(topic) >= before[topic] for topic in TOPICS)
    assert again.version("containers") > before["containers"]
