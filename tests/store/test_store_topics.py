"""Which topics a change moves: those that it concerns, and no others."""

import pytest

from services.core.model import Container, UnitState
from services.store import Store
from tests.store.conftest import LEASE_S

TOPICS = ["containers", "unassigned", "nodes", "node/node1", "node/node2", "events"]
READY = {"a": UnitState("demo", ready=True)}


def ago(store, clock):
    clock.now_s += LEASE_S + 0.1
    store.beat("node2", None)
    store.judge()


# On node1: a, ready there; nowhere: b.
@pytest.mark.parametrize(
    ("change", "moved"),
    [
        ("declare c nowhere", {"containers", "unassigned"}),
        ("declare c on node1", {"containers", "node/node1"}),
        ("put a", {"containers", "node/node1"}),
        ("put b", {"containers", "unassigned"}),
        ("place b on node1", {"containers", "unassigned", "node/node1"}),
        ("place a on node2", {"containers", "node/node1", "node/node2"}),
        ("unassign a", {"containers", "unassigned", "node/node1"}),
        ("remove a", {"containers", "node/node1"}),
        ("remove b", {"containers", "unassigned"}),
        ("cordon node1", {"nodes"}),
        ("node1 reports a no more", {"containers"}),
        ("node1 reports what nobody put there", {"containers"}),
        ("node1 leaves", {"containers", "nodes"}),
        ("node2 leaves", {"nodes"}),
        ("node3 speaks first", {"nodes"}),
        ("node1 falls silent", {"containers", "nodes"}),
        ("the same report again", None),
        ("a beat that reports nothing", None),
        ("place a where it is", None),
        ("time goes by, less than a lease", None),
    ],
)
def test_a_change_moves_the_topics_that_it_concerns(store, clock, change, moved):
    store.declare(Container("a"), "node1")
    store.declare(Container("b"), None)
    store.beat("node1", READY)
    store.beat("node2", {})
    before = {topic: store.version(topic) for topic in TOPICS}
    {
        "declare c nowhere": lambda: store.declare(Container("c"), None),
        "declare c on node1": lambda: store.declare(Container("c"), "node1"),
        "put a": lambda: store.put(Container("a", "nginx")),
        "put b": lambda: store.put(Container("b", "nginx")),
        "place b on node1": lambda: store.place("b", "node1", ""),
        "place a on node2": lambda: store.place("a", "node2", ""),
        "unassign a": lambda: store.place("a", None, ""),
        "remove a": lambda: store.remove("a"),
        "remove b": lambda: store.remove("b"),
        "cordon node1": lambda: store.mark("node1", cordoned=True),
        "node1 reports a no more": lambda: store.beat("node1", {}),
        "node1 reports what nobody put there": lambda: store.beat(
            "node1", READY | {"fake": UnitState("demo", ready=True)}
        ),
        "node1 leaves": lambda: store.leave("node1", "boot"),
        "node2 leaves": lambda: store.leave("node2", "boot"),
        "node3 speaks first": lambda: store.beat("node3", {}),
        "node1 falls silent": lambda: ago(store, clock),
        "the same report again": lambda: store.beat("node1", dict(READY)),
        "a beat that reports nothing": lambda: store.beat("node1", None),
        "place a where it is": lambda: store.place("a", "node1", ""),
        "time goes by, less than a lease": lambda: (setattr(clock, "now_s", 102.9), store.judge()),
    }[change]()
    after = {topic: store.version(topic) for topic in TOPICS}
    expected = set() if moved is None else moved | {"events"}
    if change == "node1 falls silent":
        expected |= {"nodes"}
    assert {topic for topic in TOPICS if after[topic] != before[topic]} == expected
    assert all(after[topic] >= before[topic] for topic in TOPICS)


def test_versions_of_a_restarted_store_are_not_older_than_those_before(tmp_path, clock):
    store = Store(tmp_path, lease_s=LEASE_S, now_s=clock)
    store.declare(Container("a"), "node1")
    store.beat("node1", READY)
    before = {topic: store.version(topic) for topic in TOPICS}
    store.close()
    again = Store(tmp_path, lease_s=LEASE_S, now_s=clock)
    # What node1 runs is not known any more: watchers must look again.
    assert all(again.version(topic) >= before[topic] for topic in TOPICS)
    assert again.version("containers") > before["containers"]
